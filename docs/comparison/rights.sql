-- On top of postgresql.sql, for rights.sh: a clerk writes email and total of orders and
-- does not read them, a packer does neither.
create role manager nologin;
create role clerk nologin;
create role packer nologin;
grant manager, clerk, packer to authenticator;
grant usage on schema api to manager, clerk, packer;
grant select, insert, update, delete on api.orders to manager;
grant select (id, number, lines, status, "placedAt"), insert (number, email, lines, total), update (email, lines, total, status) on api.orders to clerk;
grant select (id, number, lines, status, "placedAt"), update (status) on api.orders to packer;
revoke all on api.orders from web_anon;
