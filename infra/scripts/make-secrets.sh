#!/usr/bin/env bash
# Creates the secrets that Huntline needs in its key vault. Values are random and are never printed or passed on a
# command line. A secret that exists is kept. Requires `az login` as a principal with Key Vault Secrets Officer.
#
#   infra/scripts/make-secrets.sh <vault> [--cloud-apps-token] [--webhook <source>]... [--renew <secret>]...
#
# --cloud-apps-token  asks for the Cloud Apps token without echo; Enter keeps the token that exists
# --webhook           creates the secret of a webhook source
# --renew             creates a new version; the app uses it within five minutes, the vault keeps the former ones
set -euo pipefail
umask 077

usage() {
  echo "usage: $0 <vault> [--cloud-apps-token] [--webhook <source>]... [--renew <secret>]..." >&2
  exit 2
}

case ${1:-} in '' | -*) usage ;; esac
vault=$1
shift
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# put <name> <days>: reads the value from standard input, through a file that only this user can read.
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

create() {
  node -e 'process.stdout.write(require("node:crypto").randomBytes(32).toString("base64"))' | put "$1" "$2"
  echo "$1: created"
}

ensure() {
  if exists "$1"; then echo "$1: kept"; else create "$1" "$2"; fi
}

ask_cloud_apps_token() {
  local token hint='not shown'
  if [ ! -t 0 ]; then
    echo "cloud-apps-token: not asked without a terminal. Run: $0 $vault --cloud-apps-token"
    return
  fi
  exists cloud-apps-token && hint='not shown; Enter keeps the existing one'
  read -rsp "Cloud Apps token (portal: Settings, Cloud Apps, API tokens; $hint): " token
  echo
  if [ -n "$token" ]; then
    printf %s "$token" | put cloud-apps-token 365
    echo "cloud-apps-token: set"
  elif exists cloud-apps-token; then
    echo "cloud-apps-token: kept"
  else
    echo "cloud-apps-token: missing. Run: $0 $vault --cloud-apps-token"
  fi
}

# A new role assignment takes effect within minutes, so a refusal is retried. Any other error ends the script at once.
attempts=${HUNTLINE_ATTEMPTS:-10} delay=${HUNTLINE_DELAY_SECONDS:-30}
for attempt in $(seq 1 "$attempts"); do
  az keyvault secret list --vault-name "$vault" --output none 2> "$scratch/error" && break
  if ! grep -qi 'forbidden' "$scratch/error" || [ "$attempt" = "$attempts" ]; then
    cat "$scratch/error" >&2
    grep -qi 'az login' "$scratch/error" && echo "Sign in with: az login" >&2
    exit 1
  fi
  echo "The role Key Vault Secrets Officer on $vault has no effect yet; next attempt in $delay s ($attempt of $attempts)."
  sleep "$delay"
done

ensure audit-key 1095
ensure job-key 365
while [ $# -gt 0 ]; do
  case $1 in
    --webhook)
      [[ ${2:-} =~ ^[a-z0-9-]{1,40}$ ]] || { echo "--webhook requires a source such as sentinel" >&2; exit 2; }
      ensure "webhook-$2" 365
      shift
      ;;
    --renew)
      [[ ${2:-} =~ ^(audit-key|job-key|webhook-[a-z0-9-]{1,40})$ ]] ||
        { echo "--renew requires audit-key, job-key or webhook-<source>" >&2; exit 2; }
      create "$2" "$([ "$2" = audit-key ] && echo 1095 || echo 365)"
      shift
      ;;
    --cloud-apps-token) ask_cloud_apps_token ;;
    *) echo "Unknown option $1" >&2; usage ;;
  esac
  shift
done
