#!/usr/bin/env bash
# Asks for what the caller may not read (docs/comparison.md): rights.sh lithair|postgrest URL
# SECRET is the shared secret of the tokens, as PGRST_JWT_SECRET or in the file that rights.yaml names.
set -euo pipefail
kind=${1:?lithair or postgrest} url=${2:?such as http://127.0.0.1:8080}
: "${SECRET:?at least 32 bytes}"

if [ "$kind" = postgrest ]; then
  orders=$url/orders document=$url/ select=select equals=email=eq.a@example.com sort=order=email
  # What a write answers with must be named too, where not all of it may be read.
  created=$orders?select=id,number,status
else
  orders=$url/api/orders document=$url/openapi.json select=fields equals=email=a@example.com sort=sort=email created=$orders
fi

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
# PostgREST takes the claim role for a role of the database, Lithair roles, iss and aud.
token() {
  local head body
  head=$(printf '{"alg":"HS256","typ":"JWT"}' | base64url)
  body=$(printf '{"iss":"shop","aud":"shop","sub":"%s","role":"%s","roles":["%s"],"exp":%d}' "$1" "$1" "${1^}" $(($(date +%s) + 600)) | base64url)
  printf '%s.%s.%s' "$head" "$body" "$(printf '%s.%s' "$head" "$body" | openssl dgst -sha256 -hmac "$SECRET" -binary | base64url)"
}
send() {
  local what=$1 token=$2 method=$3 to=$4 answer
  shift 4
  answer=$(curl -sS -w '\n%{http_code}' -X "$method" "$to" ${token:+-H "Authorization: Bearer $token"} -H 'Content-Type: application/json' "$@")
  echo "## $what"
  echo "[${answer##*$'\n'}] ${answer%$'\n'*}" | cut -c1-400
}
order() { printf '{"number":"%s","email":"%s","lines":[{"sku":"L-1","quantity":1,"price":12.5}],"total":%s}' "$@"; }

clerk=$(token clerk) manager=$(token manager) packer=$(token packer) readable=$select=id,number,status
send 'an order of the manager' "$manager" POST "$orders" -d "$(order 2026-000001 a@example.com 12.5)"
send 'orders, of nobody' '' GET "$orders"
send 'orders, of the clerk' "$clerk" GET "$orders"
send 'orders, what the clerk may read' "$clerk" GET "$orders?$readable"
send 'the email' "$clerk" GET "$orders?$select=email"
send 'a filter by email' "$clerk" GET "$orders?$readable&$equals"
send 'a sort by email' "$clerk" GET "$orders?$readable&$sort"
send 'an order of the clerk' "$clerk" POST "$created" -H 'Prefer: return=representation' -d "$(order 2026-000002 b@example.com 1)"
send 'a number that is taken' "$clerk" POST "$orders" -d "$(order 2026-000001 c@example.com 1)"
send 'a total that is negative' "$clerk" POST "$orders" -d "$(order 2026-000003 c@example.com -1)"
id=$(curl -sS "$orders?$select=id" -H "Authorization: Bearer $clerk" | grep -o '"id":"[^"]*' | head -1 | cut -c7-)
row=$orders/$id
if [ "$kind" = postgrest ]; then row="$orders?id=eq.$id"; fi
send 'a status that is none, of an order whose email the clerk may not read' "$clerk" PATCH "$row" -d '{"status":"gone"}'
send 'an order without lines, likewise' "$clerk" PATCH "$row" -d '{"lines":[]}'
send 'another number' "$clerk" PATCH "$row" -d '{"number":"2026-000009"}'
send 'a time of creation' "$clerk" POST "$orders" -d '{"number":"2026-000004","email":"d@example.com","lines":[{"sku":"L-1","quantity":1,"price":1}],"total":1,"placedAt":"2001-01-01T00:00:00.000Z"}'
send 'an email, of the packer' "$packer" PATCH "$row" -d '{"email":"e@example.com"}'
for who in manager clerk packer ''; do
  echo "## how often the document of ${who:-nobody} speaks of email"
  curl -sS "$document" ${who:+-H "Authorization: Bearer ${!who}"} | grep -o '"email"' | wc -l || true
done
