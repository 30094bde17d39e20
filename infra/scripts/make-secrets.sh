#!/usr/bin/env bash
# Makes the secrets that Huntline needs, in its vault. Values are random, are never printed and never leave this process
# but to the vault. One that is there already is kept. `--cloud-apps-token` asks for the Cloud Apps token, unseen.
#
# `--renew` makes a new version of one; the app takes it within five minutes, and the vault keeps the former ones.
#
#   infra/scripts/make-secrets.sh <vault> [--cloud-apps-token] [--webhook <source>]... [--renew <secret>]...
set -euo pipefail
umask 077

[ $# -ge 1 ] || { echo "usage: $0 <vault> [--cloud-apps-token] [--webhook <source>]... [--renew <secret>]..." >&2; exit 2; }
vault=$1
shift
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# put <name> <days it is good for>: reads the value from standard input. A file keeps it off the command line.
put() {
  local expires
  expires=$(node -e 'console.log(new Date(Date.now() + Number(process.argv[1]) * 864e5).toISOString().replace(/\..*/, "Z"))' "$2")
  cat > "$scratch/value"
  az keyvault secret set --vault-name "$vault" --name "$1" --file "$scratch/value" --encoding utf-8 \
    --content-type text/plain --expires "$expires" --output none
  rm -f "$scratch/value"
}

exists() {
  [ -n "$(az keyvault secret list --vault-name "$vault" --query "[?name=='$1'].name | [0]" --output tsv)" ]
}

random() {
  node -e 'process.stdout.write(require("node:crypto").randomBytes(32).toString("base64"))' | put "$1" "$2"
  echo "$1: made"
}

make() {
  if exists "$1"; then echo "$1: is there already, kept"; else random "$1" "$2"; fi
}

# The right to make secrets was granted a moment ago; Azure may need minutes until it counts.
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  az keyvault secret list --vault-name "$vault" --output none 2> "$scratch/refusal" && break
  [ "$attempt" -lt 10 ] || { cat "$scratch/refusal" >&2; exit 1; }
  echo "waiting for the right to make secrets in $vault"
  sleep 30
done

make audit-key 1095
make job-key 365
while [ $# -gt 0 ]; do
  case $1 in
    --webhook)
      [[ ${2:-} =~ ^[a-z0-9-]{1,40}$ ]] || { echo "--webhook wants a source such as sentinel" >&2; exit 2; }
      make "webhook-$2" 365
      shift
      ;;
    --renew)
      [[ ${2:-} =~ ^(audit-key|job-key|webhook-[a-z0-9-]{1,40})$ ]] ||
        { echo "--renew wants audit-key, job-key or webhook-<source>" >&2; exit 2; }
      random "$2" "$([ "$2" = audit-key ] && echo 1095 || echo 365)"
      shift
      ;;
    --cloud-apps-token)
      if [ ! -t 0 ]; then
        echo "cloud-apps-token: no terminal to ask; run this script again by hand with --cloud-apps-token"
      else
        read -rsp "Cloud Apps token (Settings, Cloud Apps, API tokens; not shown): " token
        echo
        [ -n "$token" ] || { echo "cloud-apps-token: nothing was entered" >&2; exit 1; }
        printf %s "$token" | put cloud-apps-token 365
        unset token
        echo "cloud-apps-token: set"
      fi
      ;;
    *) echo "$1 is not known" >&2; exit 2 ;;
  esac
  shift
done
