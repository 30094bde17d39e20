#!/usr/bin/env bash
# Checks a deployment: calls without a key are refused, the app is healthy, hunts have timers, and one hunt runs.
# Requires `az login` with the right to read the app's keys. The key is never printed or passed on a command line.
#
#   infra/scripts/smoke.sh <resource group> <app name> [hunt]
set -euo pipefail
umask 077

[ $# -ge 2 ] || { echo "usage: $0 <resource group> <app name> [hunt]" >&2; exit 2; }
group=$1 app=$2 hunt=${3:-office-starts-script-host}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0

check() { # check <what> <expected> <actual>
  if [ "$2" = "$3" ]; then echo "ok    $1"; else echo "FAIL  $1: expected $2, got $3"; failed=1; fi
}
status() { curl --silent --show-error --max-time 60 --output "$scratch/body" --dump-header "$scratch/headers" --write-out '%{http_code}' "$@" || true; }

url=https://$(az functionapp show --resource-group "$group" --name "$app" --query defaultHostName --output tsv)
printf 'x-functions-key: %s\n' "$(az functionapp keys list --resource-group "$group" --name "$app" \
  --query functionKeys.default --output tsv)" > "$scratch/key"

check 'a call without a key is refused' 401 "$(status --request POST "$url/api/hunts/tick")"
check 'the app accepts requests' 200 "$(status "$url/api/health")"
check 'health is not unhealthy' 0 "$(grep -c '"status":"unhealthy"' "$scratch/body" || true)"

timers=$(az functionapp function list --resource-group "$group" --name "$app" \
  --query "length([?contains(name, '/hunt_')])" --output tsv)
if [ "${timers:-0}" -gt 0 ]; then echo "ok    hunt timers: $timers"; else echo 'FAIL  no hunt has a timer'; failed=1; fi

check "the hunt $hunt starts" 202 "$(status --request POST --header "@$scratch/key" \
  --header 'content-type: application/json' --data '{}' "$url/api/hunts/$hunt/runs")"
job=$(sed -n 's/^[Ll]ocation: *//p' "$scratch/headers" | tr -d '\r' | tail -1)
outcome=none
for _ in $(seq 1 60); do
  [ -n "$job" ] || break
  printf 'url = "%s"\n' "$job" > "$scratch/job"
  outcome=$(status --config "$scratch/job")
  [ "$outcome" = 202 ] || break
  sleep 5
done
check "the hunt $hunt ends" 200 "$outcome"
check "the hunt $hunt succeeds" succeeded "$(grep -o '"status":"[a-z]*"' "$scratch/body" | head -1 | cut -d'"' -f4)"
exit "$failed"
