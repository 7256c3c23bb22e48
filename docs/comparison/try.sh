#!/usr/bin/env bash
# Sends the requests of docs/comparison.md: try.sh lithair|pocketbase|postgrest URL
set -euo pipefail
kind=${1:?lithair, pocketbase or postgrest} url=${2:?such as http://127.0.0.1:8080}

path() {
  case $kind in
    pocketbase) echo "$url/api/collections/$1/records" ;;
    postgrest) echo "$url/$1" ;;
    *) echo "$url/api/$1" ;;
  esac
}
# PostgREST has no path for one row: it is the filter that finds it.
row() { if [ "$kind" = postgrest ]; then echo "$url/$1?id=eq.$2"; else echo "$(path "$1")/$2"; fi; }
# It answers a write with the row only when asked to.
send() {
  local what=$1 method=$2 to=$3
  shift 3
  local answer
  answer=$(curl -sS -w '\n%{http_code}' -X "$method" "$to" -H 'Content-Type: application/json' -H 'Prefer: return=representation' "$@")
  echo "## $what"
  echo "[${answer##*$'\n'}] ${answer%$'\n'*}" | cut -c1-400
}

send 'a brand' POST "$(path brands)" -d '{"id":"acme","name":"Acme","website":"https://a"}'
send 'a product' POST "$(path products)" -d '{"name":"Lamp","price":12.50,"brand":"acme","tags":["a"],"sku":"L-1"}'
send 'no price' POST "$(path products)" -d '{"name":"Lamp","brand":"acme"}'
send 'an exact price' POST "$(path products)" -d '{"name":"Big","price":12345678901234567890.5,"brand":"acme"}'
send 'an unknown field' POST "$(path products)" -d '{"name":"U","price":1,"brand":"acme","colour":"red"}'
send 'a stock that is no number' POST "$(path products)" -d '{"name":"W","price":1,"brand":"acme","stock":"many"}'
send 'a negative price' POST "$(path products)" -d '{"name":"N","price":-1,"brand":"acme"}'
send 'a sku that is taken' POST "$(path products)" -d '{"name":"N","price":1,"brand":"acme","sku":"L-1"}'
send 'a brand that is not there' POST "$(path products)" -d '{"name":"X","price":1,"brand":"nowhere"}'
send 'an empty tag' POST "$(path products)" -d '{"name":"T","price":1,"brand":"acme","tags":[""]}'
send 'deleting a brand that is referred to' DELETE "$(row brands acme)"
send 'an order' POST "$(path orders)" -d '{"number":"2026-000001","email":"a@example.com","lines":[{"sku":"L-1","quantity":1,"price":12.5}],"total":12.5}'
send 'an order without lines' POST "$(path orders)" -d '{"number":"2026-000002","email":"a@example.com","lines":[],"total":12.5}'
order=$(curl -sS "$(path orders)" | grep -o '"id":"[^"]*' | head -1 | cut -c7-)
send 'another number for an order' PATCH "$(row orders "$order")" -d '{"number":"2026-000003"}'
send 'a write that expects another version' PATCH "$(row orders "$order")" -H 'If-Match: "9.x"' -d '{"status":"paid"}'
send 'a category, with a key' POST "$(path categories)" -H 'Idempotency-Key: k1' -d '{"name":"C"}'
send 'the same again' POST "$(path categories)" -H 'Idempotency-Key: k1' -d '{"name":"C"}'
send 'a time of creation' POST "$(path products)" -d '{"name":"O","price":1,"brand":"acme","createdAt":"2001-01-01T00:00:00.000Z"}'
send 'a quantity that is a text' POST "$(path orders)" -d '{"number":"2026-000004","email":"a@example.com","lines":[{"sku":"L-1","quantity":"1","price":1}],"total":1}'
send 'a line with a field that the model does not have' POST "$(path orders)" -d '{"number":"2026-000005","email":"a@example.com","lines":[{"sku":"L-1","quantity":1,"price":1,"colour":"red"}],"total":1}'
send 'three errors at once' POST "$(path products)" -d '{"name":"","price":-1,"brand":"acme","sku":"small"}'
send 'a description of the API' GET "$url$([ "$kind" = postgrest ] && echo / || echo /openapi.json)"
[ "$kind" = postgrest ] || exit 0

# What PostgREST has of its own for some of these.
send 'an unknown field, with columns' POST "$url/products?columns=name,price,brand" -d '{"name":"U","price":1,"brand":"acme","colour":"red"}'
send 'a price as a text' GET "$url/products?select=price::text&name=eq.Big"
send 'a write that expects a value' PATCH "$url/orders?id=eq.$order&status=eq.placed" -d '{"status":"shipped"}'
send 'the same, of one row' PATCH "$url/orders?id=eq.$order&status=eq.placed" -H 'Accept: application/vnd.pgrst.object+json' -d '{"status":"shipped"}'
send 'a brand again, with on_conflict' POST "$url/brands?on_conflict=id" -H 'Prefer: resolution=ignore-duplicates' -d '{"id":"acme","name":"Acme","website":"https://a"}'
send 'rows that refer to a row, filtered' GET "$url/brands?select=name,products(name,stock)&products.price=gt.10"
send 'a change of all that a filter finds' PATCH "$url/products?price=gt.10&select=name,featured" -d '{"featured":true}'
send 'a change without a filter' PATCH "$url/categories?select=name" -d '{"name":"D"}'
send 'a page' GET "$url/products?select=name&order=name&limit=2&offset=1"
