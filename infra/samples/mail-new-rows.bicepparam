using 'mail-new-rows.bicep'

// From the environment, so that the key stands in no file and no command.
param callerKey = readEnvironmentVariable('CALLER_KEY')
param appUrl = readEnvironmentVariable('APP_URL')
param hunt = readEnvironmentVariable('HUNT')
param sender = readEnvironmentVariable('MAIL_FROM')
param recipients = split(readEnvironmentVariable('MAIL_TO'), ',')
