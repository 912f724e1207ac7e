-- The issuer that the database belongs to: that of its first start. A start with another
-- is refused, since what was issued, registered and told of names the first.
create table issuer (
  single      boolean primary key default true check (single),
  issuer      text not null,
  accepted_at timestamptz not null default idp_now()
);

---- create above / drop below ----

drop table issuer;
