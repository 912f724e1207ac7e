-- The instances that run, each with the change counter of the clients and keys that
-- it answers by. One that was not heard of before expires_at counts no more: it has
-- stopped by itself before. Instances of earlier releases have no row.
create table instances (
  id         uuid primary key,
  counter    bigint not null,
  version    text not null,
  started_at timestamptz not null default idp_now(),
  seen_at    timestamptz not null default idp_now(),
  expires_at timestamptz not null
);
create index instances_expires_at on instances (expires_at);

-- The least change counter of who knows a key to be published.
alter table signing_keys add column published_counter bigint not null default 0;

---- create above / drop below ----

alter table signing_keys drop column published_counter;
drop table instances;
