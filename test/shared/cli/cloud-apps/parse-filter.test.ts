import { expect, test } from "vitest";
import {
  parseFilter,
  createSinceFilter,
  type ListedResource,
} from "../../../../shared/cli/cloud-apps/parse-filter.ts";

const account = { id: "a@contoso.com", saas: 11_161, inst: 0 };

test.each<[ListedResource, string, object]>([
  ["alerts", "severity=high", { severity: { eq: [2] } }],
  ["alerts", "severity=HIGH,low", { severity: { eq: [2, 0] } }],
  ["alerts", "severity.neq=3", { severity: { neq: [3] } }],
  ["alerts", "resolutionStatus=truePositive", { resolutionStatus: { eq: [5] } }],
  ["alerts", "alertOpen=true", { alertOpen: { eq: [true] } }],
  ["alerts", "source=policy", { source: { eq: [1] } }],
  ["alerts", "entity.service=Okta", { "entity.service": { eq: [10_980] } }],
  ["alerts", "entity.entity=a@contoso.com", { "entity.entity": { eq: [account] } }],
  [
    "alerts",
    'entity.user={"id":"a","saas":11770}',
    { "entity.user": { eq: { id: "a", saas: 11_770 } } },
  ],
  ["alerts", "id=603e00000000000000000000", { id: { eq: ["603e00000000000000000000"] } }],
  ["alerts", "id=603000000000000000000000", { id: { eq: ["603000000000000000000000"] } }],
  ["alerts", "date.gte=2026-11-01", { date: { gte: Date.UTC(2026, 10, 1) } }],
  ["alerts", "date.lte=2026-11-01T06:00:00Z", { date: { lte: Date.UTC(2026, 10, 1, 6) } }],
  ["alerts", "date.gte=1700000000000", { date: { gte: 1_700_000_000_000 } }],
  ["alerts", "date.gte=1700000000", { date: { gte: 1_700_000_000_000 } }],
  ["files", 'filename="a,b.docx"', { filename: { eq: ["a,b.docx"] } }],
  ["files", 'filename="say ""hi""",b', { filename: { eq: ['say "hi"', "b"] } }],
  ["files", 'filename="null"', { filename: { eq: ["null"] } }],
  ["alerts", "date.gte_ndays=3", { date: { gte_ndays: 3 } }],
  [
    "alerts",
    "date.range=2026-11-01..2026-11-02",
    { date: { range: [{ start: Date.UTC(2026, 10, 1), end: Date.UTC(2026, 10, 2) }] } },
  ],
  ["activities", "ip.address.startswith=10.", { "ip.address": { startswith: ["10."] } }],
  ["activities", "ip.category=vpn", { "ip.category": { eq: [4] } }],
  ["activities", "source=discovery", { source: { eq: [5] } }],
  ["activities", "activity.takenAction=null", { "activity.takenAction": { eq: [null] } }],
  ["activities", "location.country.isnotset=true", { "location.country": { isnotset: true } }],
  ["activities", "entity.startswith=a", { entity: { startswith: ["a"] } }],
  ["activities", "text.text=a,b=c", { text: { text: "a,b=c" } }],
  ["activities", "created.gt=2026-11-01", { created: { gt: Date.UTC(2026, 10, 1) } }],
  ["entities", "status=suspended", { status: { eq: [3] } }],
  ["entities", "domain=365", { domain: { eq: ["365"] } }],
  ["entities", "isExternal=null", { isExternal: { eq: [null] } }],
  ["files", "sharing=public", { sharing: { eq: [3] } }],
  ["files", "policy.cabinetmatchedrulesequals=p", { policy: { cabinetmatchedrulesequals: ["p"] } }],
  ["files", "filename=2026", { filename: { eq: ["2026"] } }],
  ["ip-ranges", "category=corporate", { category: { eq: [1] } }],
  ["ip-ranges", "builtIn=false", { builtIn: { eq: [false] } }],
])("parses the filter %s %s", (resource, text, filter) => {
  expect(parseFilter(resource, text)).toEqual({ kind: "filter", filter });
});

test.each<[ListedResource, string, string]>([
  ["alerts", "severity", "--filter severity must have a value"],
  ["alerts", "severity=", "--filter severity= must have a value"],
  ["alerts", "severty=high", 'Did you mean "severity"?'],
  ["alerts", "severity.gte=1", "The operator of severity must be one of eq, neq."],
  [
    "alerts",
    "severity=hgh",
    'severity must be low, medium, high, informational, a number; it is "hgh".',
  ],
  ["alerts", "read=yes", 'read must be true or false; it is "yes".'],
  [
    "alerts",
    "date=2026-11-01",
    "The operator of date must be one of lte, gte, range, lte_ndays, gte_ndays.",
  ],
  ["alerts", "date.gte=yesterday", "date.gte must be an instant"],
  ["alerts", "date.gte_ndays=2d", "date.gte_ndays must be a number of days"],
  ["alerts", "date.range=2026-11-01", "date.range must be two instants"],
  ["alerts", "entity.entity={bad", "must be an id, or a key such as"],
  ["alerts", 'entity.entity={"saas":1}', "must be an id, or a key such as"],
  ["activities", "policy.isset=no", 'policy.isset must be true; it is "no".'],
  [
    "files",
    "policy=p",
    "The operator of policy must be one of cabinetmatchedrulesequals, neq, isset, isnotset.",
  ],
  ["ip-ranges", "severity=high", "A field of ip-ranges must be one of category, tags, builtIn."],
])("refuses the filter %s %s and names the accepted form", (resource, text, message) => {
  const read = parseFilter(resource, text);
  expect(read).toMatchObject({
    kind: "fault",
    message: expect.stringContaining(message) as string,
  });
});

const nowMs = Date.UTC(2026, 10, 24);

test.each<[ListedResource, string]>([
  ["alerts", "date"],
  ["activities", "date"],
  ["files", "modifiedDate"],
])("converts --since 2d to the last two days of %s", (resource, field) => {
  expect(createSinceFilter(resource, "2d", nowMs)).toEqual({
    kind: "filter",
    filter: { [field]: { gte: Date.UTC(2026, 10, 22) } },
  });
});

test.each<[ListedResource, string, string]>([
  ["alerts", "soon", "--since must be a duration such as 2d, 12h or 30m"],
  ["entities", "2d", "--since must be left out: entities have no time"],
  ["ip-ranges", "2d", "--since must be left out: ip-ranges have no time"],
])("refuses for %s the option --since %s", (resource, text, message) => {
  const read = createSinceFilter(resource, text, nowMs);
  expect(read).toMatchObject({
    kind: "fault",
    message: expect.stringContaining(message) as string,
  });
});
