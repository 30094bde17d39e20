using 'main.bicep'

// azd fills these from its environment; without azd, set the variables or write the values here.
param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', '')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')
param operatorPrincipalId = readEnvironmentVariable('AZURE_PRINCIPAL_ID', '')
param operatorPrincipalType = readEnvironmentVariable('AZURE_PRINCIPAL_TYPE', 'User') == 'ServicePrincipal' ? 'ServicePrincipal' : 'User'

// The portal shows it under Settings, Cloud Apps, About.
param cloudAppsUrl = readEnvironmentVariable('CLOUD_APPS_URL')
param cloudAppsAuth = readEnvironmentVariable('CLOUD_APPS_AUTH', 'token') == 'oauth' ? 'oauth' : 'token'

param alertEmails = []
