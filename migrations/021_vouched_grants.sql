-- Codes, and what comes of them, for a consumer whom the brand itself vouches for:
-- there is no session of a browser here, so they name none. Like all others they end
-- with the consumer's other grants, by the consumer.
alter table authorization_codes alter column session_id drop not null, alter column sid drop not null;
alter table refresh_families alter column session_id drop not null, alter column sid drop not null;

-- What is known of the consumer for the ID token of this code alone, sealed under a
-- key that only the code gives. Null: what is stored.
alter table authorization_codes add column details_sealed bytea;

---- create above / drop below ----

delete from access_tokens where session_id is null and consumer_id is not null;
delete from refresh_families where session_id is null;
delete from authorization_codes where session_id is null;
alter table authorization_codes drop column details_sealed, alter column session_id set not null, alter column sid set not null;
alter table refresh_families alter column session_id set not null, alter column sid set not null;
