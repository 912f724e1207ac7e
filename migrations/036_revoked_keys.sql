-- A signing key that was revoked outlives its client, as a tombstone that belongs to
-- nobody: it never comes back.
create function idp_keep_revoked_keys() returns trigger language plpgsql as $$
begin
  update signing_keys set client_id = null where client_id = old.id and revoked_at is not null;
  return old;
end $$;
create trigger clients_keep_revoked_keys before delete on clients
  for each row execute function idp_keep_revoked_keys();

---- create above / drop below ----

drop trigger clients_keep_revoked_keys on clients;
drop function idp_keep_revoked_keys();
