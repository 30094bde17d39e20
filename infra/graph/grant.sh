#!/usr/bin/env bash
# Grants the app roles as app-roles.bicep does, without the Graph extension of Bicep. Requires `az login` as a
# Privileged Role Administrator. It can be repeated: granted roles are kept.
#
#   infra/graph/grant.sh <hunting principal id> [--defender-hunting] [--cloud-apps <response principal id>]
set -euo pipefail

usage() {
  echo "usage: $0 <hunting principal id> [--defender-hunting] [--cloud-apps <response principal id>]" >&2
  exit 2
}

case ${1:-} in '' | -*) usage ;; esac
hunting=$1
shift
graph=$(az cloud show --query endpoints.microsoftGraphResourceId --output tsv)
graph=${graph%/}

# grant <principal id> <app id of the API> <role value>
grant() {
  local api role held
  api=$(az rest --url "$graph/v1.0/servicePrincipals(appId='$2')?\$select=id" --query id --output tsv) ||
    { echo "The tenant has no service principal of $2: assign the product's license and open its portal once." >&2; exit 1; }
  role=$(az rest --url "$graph/v1.0/servicePrincipals/$api/appRoles" \
    --query "value[?value=='$3' && contains(allowedMemberTypes, 'Application')].id | [0]" --output tsv)
  [ -n "$role" ] || { echo "$2 has no application role $3." >&2; exit 1; }
  held=$(az rest --url "$graph/v1.0/servicePrincipals/$1/appRoleAssignments" \
    --query "value[?appRoleId=='$role' && resourceId=='$api'].id | [0]" --output tsv)
  if [ -n "$held" ]; then
    echo "$3 ($role): already granted"
    return
  fi
  az rest --method post --url "$graph/v1.0/servicePrincipals/$1/appRoleAssignments" \
    --headers 'content-type=application/json' \
    --body "{\"principalId\":\"$1\",\"resourceId\":\"$api\",\"appRoleId\":\"$role\"}" --output none
  echo "$3 ($role): granted"
}

grant "$hunting" 00000003-0000-0000-c000-000000000000 ThreatHunting.Read.All
grant "$hunting" fc780465-2017-40d4-a0c5-307022471b92 File.Read.All
while [ $# -gt 0 ]; do
  case $1 in
    --defender-hunting) grant "$hunting" fc780465-2017-40d4-a0c5-307022471b92 AdvancedQuery.Read.All ;;
    --cloud-apps)
      [ $# -ge 2 ] || usage
      grant "$2" 05a65629-4c1b-48c1-a78b-804c4abdd4af Investigation.manage
      shift
      ;;
    *) usage ;;
  esac
  shift
done
