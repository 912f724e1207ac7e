-- What was asked for by the claims parameter (OpenID Connect Core 5.5), as far as
-- it means something here, so that the ID tokens of a code and of what is refreshed,
-- and UserInfo, answer accordingly. Text, since JSON may have what jsonb cannot hold. Null: nothing.
alter table authorization_codes add column claims_request varchar(4096);
alter table access_tokens add column claims_request varchar(4096);
alter table refresh_families add column claims_request varchar(4096);

---- create above / drop below ----

alter table refresh_families drop column claims_request;
alter table access_tokens drop column claims_request;
alter table authorization_codes drop column claims_request;
