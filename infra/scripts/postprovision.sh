#!/usr/bin/env bash
# azd runs this between provisioning and deployment: it creates the secrets and grants the app roles, so that the app
# starts with both. An identity's token is cached for up to 24 hours; a role granted after the first start waits as long.
#
#   KEY_VAULT_NAME=… HUNTING_PRINCIPAL_ID=… RESPONSE_PRINCIPAL_ID=… [CLOUD_APPS_AUTH=oauth] infra/scripts/postprovision.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

for program in az node; do
  command -v "$program" > /dev/null || { echo "postprovision requires $program on the PATH" >&2; exit 1; }
done
az account show --output none 2> /dev/null || { echo "Sign in to the Azure CLI, too: az login" >&2; exit 1; }

token=(--cloud-apps-token)
roles=()
if [ "${CLOUD_APPS_AUTH:-token}" = oauth ]; then
  token=()
  roles=(--cloud-apps "$RESPONSE_PRINCIPAL_ID")
fi
bash infra/scripts/make-secrets.sh "$KEY_VAULT_NAME" ${token[@]+"${token[@]}"}
if ! bash infra/graph/grant.sh "$HUNTING_PRINCIPAL_ID" ${roles[@]+"${roles[@]}"}; then
  echo
  echo "The app roles are not granted. Ask a Privileged Role Administrator to run, before the app is deployed:"
  echo "  bash infra/graph/grant.sh $HUNTING_PRINCIPAL_ID ${roles[*]-}"
fi
