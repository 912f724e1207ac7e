-- A key whose private half is in a PKCS #11 token has its address (RFC 7512) here
-- instead.
alter table signing_keys
  alter column private_sealed drop not null,
  add column private_uri text,
  add constraint signing_keys_one_private_half check (private_sealed is null or private_uri is null);

---- create above / drop below ----

delete from signing_keys where private_sealed is null;
alter table signing_keys
  drop constraint signing_keys_one_private_half,
  drop column private_uri,
  alter column private_sealed set not null;
