/** Hunting answers of any size, the same at every run: plain rows as the Defender API writes them, and Graph's. */

/** `plain` and `graph` have 30 columns and about 1.2 kB a row, `narrow` is plain with 10 columns and about 0.4 kB. */
export type AnswerKind = "plain" | "graph" | "narrow";

interface Field {
  readonly name: string;
  readonly type: string;
  readonly value: () => string;
}

// A linear congruential generator: repeatable, and random enough to compress like log data.
let state = 20_260_105;
const random = (below: number): number => {
  state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
  return state % below;
};

const hex = (digits: number): string =>
  Array.from({ length: digits }, () => "0123456789abcdef"[(random(1_600) >> 4) & 15] ?? "0").join("");
const pick = (values: readonly string[]): string => values[random(values.length * 64) >> 6] ?? "";
const words = [
  "powershell.exe",
  "C:\\Windows\\System32\\cmd.exe",
  'svchost.exe -k netsvcs -p -s "Schedule"',
  "C:\\Program Files\\Größe\\ünï.exe",
  "explorer.exe",
  "{weird:} [x],",
  "outlook.exe /recycle",
];
const phrase = (): string => JSON.stringify(`${pick(words)} ${pick(words)}`);
const seconds = (): string => `2026-07-1${random(10)}T21:${10 + random(49)}:${10 + random(49)}`;

const plainFields = (columns: number): Field[] => [
  { name: "Timestamp", type: "DateTime", value: () => `"${seconds()}.${1_000_000 + random(8_999_999)}Z"` },
  { name: "DeviceId", type: "String", value: () => `"${hex(40)}"` },
  { name: "DeviceName", type: "String", value: () => `"host-${random(5_000)}.contoso.com"` },
  { name: "ReportId", type: "Int64", value: () => String(random(1_000_000_000)) },
  { name: "SHA1", type: "String", value: () => `"${hex(40)}"` },
  { name: "ProcessId", type: "Int64", value: () => String(random(70_000)) },
  ...Array.from({ length: columns - 6 }, (_, at) => ({
    name: `InitiatingProcess${at}`,
    type: "String",
    value: phrase,
  })),
];

/** As above, with what only Graph does: sidecars, booleans as numbers, nulls as `{}`, marked bags, short times. */
const graphFields = (): Field[] => {
  const fields = plainFields(26);
  const bag = '{"@odata.type":"#microsoft.graph.security.dynamicColumnValue"';
  return [
    ...fields.slice(0, 1),
    { name: "ProcessCreationTime", type: "DateTime", value: () => (random(200) < 100 ? "{}" : `"${seconds()}Z"`) },
    { name: "IsElevated", type: "SByte", value: () => String((random(200) >> 3) & 1) },
    { name: "IsRemote", type: "SByte", value: () => String((random(200) >> 3) & 1) },
    ...fields.slice(1),
    { name: "AdditionalFields", type: "Object", value: () => `${bag},"Port":${random(65_000)},"Command":${phrase()}}` },
  ];
};

const fieldsOf = (kind: AnswerKind): Field[] =>
  kind === "graph" ? graphFields() : plainFields(kind === "narrow" ? 10 : 30);

/** The pieces of an answer: its head, a block of rows to repeat, and how many rows that block has. */
export interface Prepared {
  readonly head: Buffer;
  readonly block: Buffer;
  readonly blockRows: number;
}

const blockRows = 4_000;

/** Draws the rows of one kind. */
export function prepare(kind: AnswerKind): Prepared {
  state = 20_260_105;
  const isGraph = kind === "graph";
  const fields = fieldsOf(kind);
  const members = fields.map(({ name, type, value }) => {
    const side = isGraph && type === "SByte" ? `"${name}@odata.type":"#SByte",` : "";
    return () => `${side}"${name}":${value()}`;
  });
  const rows = Array.from({ length: blockRows }, () => `{${members.map((member) => member()).join(",")}}`);
  const schema = fields.map(({ name, type }) => (isGraph ? { name, type } : { Name: name, Type: type }));
  const [schemaKey, rowsKey] = isGraph ? ["schema", "results"] : ["Schema", "Results"];
  return {
    head: Buffer.from(`{"${schemaKey}":${JSON.stringify(schema)},"${rowsKey}":[`),
    block: Buffer.from(rows.join(",")),
    blockRows,
  };
}
