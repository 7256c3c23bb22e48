-- The shop of docs/examples/shop.yaml for PostgreSQL with PostgREST in front: one schema is the API.
create schema api;
create role web_anon nologin;
create role authenticator login noinherit;
grant web_anon to authenticator;
grant usage on schema api to web_anon;

create table api.brands (
  id text primary key check (id ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length(id) <= 60),
  name text not null unique check (length(name) between 1 and 100),
  website text check (length(website) <= 500 and website ~ '^https://')
);

create table api.categories (
  id uuid primary key default gen_random_uuid(),
  name text not null check (length(name) between 1 and 100),
  parent uuid references api.categories
);
create index on api.categories (name);
create index on api.categories (parent);

-- A check may hold no subquery, so what is within arrays needs a function. Each function of the schema
-- that is the API is a route, so these are in another.
create schema checks;
create function checks.are_tags(tags text[]) returns boolean language sql immutable as
$$ select cardinality(tags) <= 10 and coalesce(bool_and(length(tag) between 1 and 20), true) from unnest(tags) tag $$;

create type api.product_status as enum ('draft', 'live', 'retired');
create type api.order_status as enum ('placed', 'paid', 'shipped', 'cancelled');

create table api.products (
  id uuid primary key default gen_random_uuid(),
  name text not null check (length(name) between 1 and 200),
  price numeric not null check (price >= 0),
  sku text unique check (length(sku) <= 40 and sku ~ '^[A-Z0-9-]+$'),
  status api.product_status not null default 'draft',
  stock bigint not null default 0 check (stock >= 0),
  rating double precision check (rating between 0 and 5),
  featured boolean not null default false,
  description text check (length(description) <= 10000),
  tags text[] check (checks.are_tags(tags)),
  size jsonb check (
    size is null or (
      jsonb_typeof(size -> 'width') = 'number' and (size ->> 'width')::numeric >= 0 and
      jsonb_typeof(size -> 'height') = 'number' and (size ->> 'height')::numeric >= 0 and
      coalesce(size ->> 'unit', 'mm') in ('mm', 'cm', 'm')
    ) is true
  ),
  brand text references api.brands,
  category uuid references api.categories,
  "availableFrom" date,
  "createdAt" timestamptz not null default now()
);
create index on api.products (name);
create index on api.products (price);
create index on api.products (status);
create index on api.products (stock);
create index on api.products (brand);
create index on api.products (category);
create index on api.products ("createdAt");

create function checks.are_lines(lines jsonb) returns boolean language sql immutable as $$
  select jsonb_typeof(lines) = 'array' and jsonb_array_length(lines) between 1 and 100 and (
    select bool_and(
      (jsonb_typeof(line -> 'sku'), jsonb_typeof(line -> 'quantity'), jsonb_typeof(line -> 'price')) = ('string', 'number', 'number') and
      length(line ->> 'sku') <= 40 and
      (line ->> 'quantity')::numeric between 1 and 1000 and
      (line ->> 'quantity')::numeric % 1 = 0 and
      (line ->> 'price')::numeric >= 0
    ) is true from jsonb_array_elements(lines) line
  )
$$;

create table api.orders (
  id uuid primary key default gen_random_uuid(),
  number text not null unique check (number ~ '^[0-9]{4}-[0-9]{6}$'),
  email text not null check (length(email) <= 254 and email ~ '^[^@ ]+@[^@ ]+$'),
  lines jsonb not null check (checks.are_lines(lines)),
  total numeric not null check (total >= 0),
  status api.order_status not null default 'placed',
  "placedAt" timestamptz not null default now()
);
create index on api.orders (email);
create index on api.orders (total);
create index on api.orders (status);
create index on api.orders ("placedAt");

-- What never changes is what nobody has the right to update.
grant select, insert, delete on all tables in schema api to web_anon;
grant update on api.brands, api.categories to web_anon;
grant update (name, price, sku, status, stock, rating, featured, description, tags, size, brand, category, "availableFrom") on api.products to web_anon;
grant update (email, lines, total, status) on api.orders to web_anon;
