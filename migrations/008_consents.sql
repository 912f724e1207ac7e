-- What a consumer has allowed a client to have, until it is withdrawn: the scopes
-- of all consents together.
create table consents (
  consumer_id bigint not null references consumers (id) on delete cascade,
  client_id   bigint not null references clients (id) on delete cascade,
  scopes      text[] not null,
  created_at  timestamptz not null default idp_now(),
  updated_at  timestamptz not null default idp_now(),
  primary key (consumer_id, client_id)
);
create index consents_client on consents (client_id);

---- create above / drop below ----

drop table consents;
