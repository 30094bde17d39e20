using 'main.bicep'

// azd sets these variables from its environment; without azd, export them or write the values here.
param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', '')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')
param operatorPrincipalId = readEnvironmentVariable('AZURE_PRINCIPAL_ID', '')
param operatorPrincipalType = readEnvironmentVariable('AZURE_PRINCIPAL_TYPE', 'User') == 'ServicePrincipal' ? 'ServicePrincipal' : 'User'

// After `azd down`, the deleted vault keeps its name for 90 days: azd env set RECOVER_VAULT true.
param recoverVault = readEnvironmentVariable('RECOVER_VAULT', '') == 'true'

// The portal shows it under Settings, Cloud Apps, About.
param cloudAppsUrl = readEnvironmentVariable('CLOUD_APPS_URL')
param cloudAppsAuth = readEnvironmentVariable('CLOUD_APPS_AUTH', 'token') == 'oauth' ? 'oauth' : 'token'

param alertEmails = []
