#!/usr/bin/env bash
# Sends the requests of docs/comparison.md: try.sh lithair|pocketbase URL
set -euo pipefail
kind=${1:?lithair or pocketbase} url=${2:?such as http://127.0.0.1:8080}

path() { if [ "$kind" = pocketbase ]; then echo "$url/api/collections/$1/records"; else echo "$url/api/$1"; fi; }
send() {
  local what=$1 method=$2 to=$3
  shift 3
  echo "## $what"
  curl -sS -w ' [%{http_code}]\n' -X "$method" "$to" -H 'Content-Type: application/json' "$@" | cut -c1-300
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
send 'deleting a brand that is referred to' DELETE "$(path brands)/acme"
send 'an order' POST "$(path orders)" -d '{"number":"2026-000001","email":"a@example.com","lines":[{"sku":"L-1","quantity":1,"price":12.5}],"total":12.5}'
send 'an order without lines' POST "$(path orders)" -d '{"number":"2026-000002","email":"a@example.com","lines":[],"total":12.5}'
order=$(curl -sS "$(path orders)" | grep -o '"id":"[^"]*' | head -1 | cut -c7-)
send 'another number for an order' PATCH "$(path orders)/$order" -d '{"number":"2026-000003"}'
send 'a write that expects another version' PATCH "$(path orders)/$order" -H 'If-Match: "9.x"' -d '{"status":"paid"}'
send 'a category, with a key' POST "$(path categories)" -H 'Idempotency-Key: k1' -d '{"name":"C"}'
send 'the same again' POST "$(path categories)" -H 'Idempotency-Key: k1' -d '{"name":"C"}'
send 'a description of the API' GET "$url/openapi.json"
