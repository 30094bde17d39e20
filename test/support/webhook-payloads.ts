/** What each product sends, in its publicly documented shape. Names and ids are made up. */

/** A Sentinel incident as an automation rule hands it to a playbook. */
export const sentinelIncident = (alerts: readonly object[], change: object = {}) => ({
  eventUniqueId: "5a3f7e1c-2b64-4d0a-9c15-8e7f60b1d2a3",
  objectSchemaType: "Incident",
  objectEventType: "Update",
  workspaceInfo: { SubscriptionId: "sub", ResourceGroupName: "rg-soc", WorkspaceName: "soc" },
  workspaceId: "0c0a53d1-7c5b-4b38-9c4e-6d1a31a5b0f7",
  object: {
    id: "/subscriptions/sub/resourceGroups/rg-soc/providers/Microsoft.OperationalInsights/workspaces/soc/providers/Microsoft.SecurityInsights/Incidents/63883bf7-5be1-42f4-809a-0417943b837b",
    name: "63883bf7-5be1-42f4-809a-0417943b837b",
    etag: '"0600a1b2-0000-0d00-0000-65f1c0de0000"',
    type: "Microsoft.SecurityInsights/Incidents",
    properties: {
      title: "Impossible travel activity",
      description: "Sign-ins from two places",
      severity: "Medium",
      status: "Closed",
      classification: "TruePositive",
      classificationReason: "SuspiciousActivity",
      classificationComment: "Account was taken over; password reset",
      owner: {
        objectId: null,
        email: "soc@contoso.com",
        assignedTo: "SOC",
        userPrincipalName: "soc@contoso.com",
      },
      labels: [],
      firstActivityTimeUtc: "2026-11-22T07:00:00Z",
      lastActivityTimeUtc: "2026-11-22T07:30:00Z",
      lastModifiedTimeUtc: "2026-11-22T08:00:00Z",
      createdTimeUtc: "2026-11-22T07:31:00Z",
      incidentNumber: 4711,
      additionalData: {
        alertsCount: alerts.length,
        alertProductNames: ["Microsoft Cloud App Security"],
        tactics: [],
      },
      relatedAnalyticRuleIds: [],
      incidentUrl: "https://portal.azure.com/#asset/Microsoft_Azure_Security_Insights/Incident/x",
      providerName: "Azure Sentinel",
      providerIncidentId: "4711",
      alerts,
      relatedEntities: [] as object[],
      ...change,
    },
  },
});

/** One alert within it. */
export const sentinelAlert = (providerAlertId: string, change: object = {}) => ({
  id: "/subscriptions/sub/…/Entities/e6d3b0f2-1111-4222-8333-444455556666",
  name: "e6d3b0f2-1111-4222-8333-444455556666",
  type: "Microsoft.SecurityInsights/Entities",
  kind: "SecurityAlert",
  properties: {
    systemAlertId: "e6d3b0f2-1111-4222-8333-444455556666",
    alertDisplayName: "Impossible travel activity",
    productName: "Microsoft Cloud App Security",
    vendorName: "Microsoft",
    providerAlertId,
    severity: "Medium",
    status: "New",
    friendlyName: "Impossible travel activity",
    ...change,
  },
});

/** A file hash among an incident's entities. */
export const sentinelFileHash = (hashValue: string) => ({
  kind: "FileHash",
  properties: { hashValue, algorithm: "SHA1", friendlyName: `${hashValue}(SHA1)` },
});

/** The alert trigger's body: entities are JSON in a string. */
export const sentinelSoleAlert = (sha1: string) => ({
  VendorName: "Microsoft",
  ProviderName: "ASI Scheduled Alerts",
  AlertDisplayName: "Suspicious file",
  SystemAlertId: "e6d3b0f2-1111-4222-8333-444455556666",
  Severity: "High",
  WorkspaceId: "0c0a53d1-7c5b-4b38-9c4e-6d1a31a5b0f7",
  Entities: JSON.stringify([
    { $id: "1", Name: "a.exe", Type: "file", FileHashes: [{ Algorithm: "SHA1", Value: sha1 }] },
  ]),
});

/** An alert of Microsoft Graph, `GET /security/alerts_v2/{id}`. */
export const graphAlert = (id: string, change: object = {}) => ({
  "@odata.type": "#microsoft.graph.security.alert",
  id,
  providerAlertId: id.slice(2),
  incidentId: "28282",
  status: "resolved",
  severity: "low",
  classification: "falsePositive",
  determination: "notMalicious",
  serviceSource: "microsoftDefenderForCloudApps",
  detectionSource: "microsoftDefenderForCloudApps",
  tenantId: "b3c1b5fc-828c-45fa-a1e1-10d74f6d6e9c",
  title: "Activity from infrequent country",
  assignedTo: "soc@contoso.com",
  alertWebUrl: `https://security.microsoft.com/alerts/${id}`,
  createdDateTime: "2026-11-22T07:00:00Z",
  lastUpdateDateTime: "2026-11-22T08:00:00Z",
  comments: [],
  evidence: [] as object[],
  ...change,
});

/** A file among an alert's evidence. */
export const graphFile = (sha1: string) => ({
  "@odata.type": "#microsoft.graph.security.fileEvidence",
  fileDetails: { sha1, sha256: null, fileName: "a.exe", filePath: "C:\\Temp", fileSize: 22 },
  mdeDeviceId: "73e7e2de709dff64ef64b1d0c30e67fab63279db",
});

/**
 * An incident of Microsoft Graph with its alerts, `GET /security/incidents/{id}?$expand=alerts`.
 */
export const graphIncident = (alerts: readonly object[], change: object = {}) => ({
  "@odata.type": "#microsoft.graph.security.incident",
  id: "2972395",
  displayName: "Multi-stage incident on one endpoint",
  status: "resolved",
  severity: "medium",
  classification: "informationalExpectedActivity",
  determination: "securityTesting",
  resolvingComment: "Red team exercise",
  assignedTo: "lead@contoso.com",
  createdDateTime: "2026-11-22T07:00:00Z",
  alerts,
  ...change,
});

/** What Defender for Cloud Apps hands to Power Automate. */
export const cloudAppsAlert = (sha1: string) => ({
  Version: "3.0",
  VendorName: "Microsoft",
  ProviderName: "MCAS",
  AlertType: "MCAS_ALERT_ANUBIS_DETECTION_VELOCITY",
  StartTimeUtc: "2026-11-22T07:00:00Z",
  EndTimeUtc: "2026-11-22T07:00:00Z",
  Severity: "Medium",
  ProviderAlertId: "603e4f1b2c3d4e5f60718293",
  ProviderPolicyId: "0950cab6f94b5b85cb2e1130",
  CorrelationKey: null,
  CompromisedEntity: "user0@contoso.com",
  AlertDisplayName: "Malware detection",
  Description: "A file is infected",
  Metadata: { MCASTenantId: "15859716" },
  Entities: [{ Type: "file", Name: "a.exe", FileHashes: [{ Algorithm: "SHA1", Value: sha1 }] }],
});

/** Splunk's built-in webhook action. */
export const splunkAlert = (sha1: string) => ({
  sid: "scheduler__admin__search__RMD5a5e7b1c_at_1795514000_132",
  search_name: "Unsigned binary in Temp",
  app: "search",
  owner: "admin",
  results_link:
    "http://splunk:8000/app/search/@go?sid=scheduler__admin__search__RMD5a5e7b1c_at_1795514000_132",
  result: {
    _time: "1795513990",
    host: "ws-17",
    sourcetype: "XmlWinEventLog",
    count: "8",
    SHA1: sha1,
    user: ["a", "b"],
  },
});

/** Kibana's webhook connector with the body that the README gives. */
export const elasticAlert = (sha1: string) => ({
  rule: {
    id: "a7b1c2d3",
    name: "Malware detection alert",
    url: "https://kibana/app/security/rules/id/a7b1c2d3",
  },
  date: "2026-11-22T07:00:00.000Z",
  alerts: JSON.stringify([
    {
      "@timestamp": "2026-11-22T06:59:00.000Z",
      "kibana.alert.uuid": "f1e2",
      file: { hash: { sha1 }, name: "a.exe" },
      host: { name: "ws-17" },
    },
  ]),
});

/** A QRadar offense, `GET /api/siem/offenses/{id}`. */
export const qradarOffense = (sha1: string) => ({
  id: 32,
  description: `Malware detected, SHA1 ${sha1}\n`,
  status: "OPEN",
  severity: 7,
  magnitude: 5,
  offense_source: "10.0.0.7",
  start_time: 1_795_513_990_000,
  categories: ["Malware Infection"],
  rules: [{ id: 100_270, type: "CRE_RULE" }],
});

/** A closed case of Google SecOps. */
export const secopsCase = (alertId: string) => ({
  identifier: "case-204",
  title: "Impossible travel",
  status: "CLOSED",
  priority: "HIGH",
  assignee: "tier1",
  alerts: [
    {
      identifier: "A_1",
      ticketId: alertId,
      name: "Impossible travel",
      product: "Microsoft Cloud App Security",
    },
  ],
  closureDetails: {
    reason: "NOT_MALICIOUS",
    rootCause: "Rule under construction",
    comment: "Known VPN exit",
  },
});

/** A Wazuh alert of the file integrity module. */
export const wazuhAlert = (sha1: string) => ({
  timestamp: "2026-11-22T07:00:00.000+0000",
  rule: { level: 7, description: "File added to the system.", id: "554", groups: ["syscheck"] },
  agent: { id: "001", name: "ws-17", ip: "10.0.0.7" },
  manager: { name: "wazuh" },
  id: "1795513990.1234",
  decoder: { name: "syscheck_new_entry" },
  syscheck: {
    path: "C:\\Temp\\a.exe",
    mode: "realtime",
    sha1_after: sha1,
    md5_after: null,
    event: "added",
  },
  location: "syscheck",
});

/** The webhook action of a CrowdStrike Fusion workflow. */
export const crowdstrikeDetection = (sha256: string) => ({
  meta: {
    trigger_name: "Detection > EPP Detection",
    workflow_id: "0a1b",
    timestamp: 1_795_513_990,
  },
  data: {
    "Trigger.Category.Investigatable.Product.EPP.Sensor.Hostname": "WS-17",
    "Trigger.Category.Investigatable.Product.EPP.Behavior.SHA256String": sha256,
    "Trigger.Category.Investigatable.Severity": "High",
  },
});
