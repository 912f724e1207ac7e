-- What a redeemed code is answered with when its client presents it once more
-- because the response was lost: the access token, sealed under a key that only
-- the code gives. Null for clients that have not asked for it.
alter table authorization_codes add column retry_sealed bytea;

---- create above / drop below ----

alter table authorization_codes drop column retry_sealed;
