/** Hunting answers of any size, the same at every run: plain rows as the Defender API writes them, and Graph's. */

/**
 * `plain` and `graph` have 30 columns of process events and 1.2 to 1.4 kB a row, `narrow` the first 10 and 0.4 kB.
 * Size and compression (`gzip -1`: 4.3 times) are close to those of the data that the goals were measured on.
 */
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
  return Math.floor((state / 0x8000_0000) * below);
};

const hex = (digits: number): string =>
  Array.from({ length: digits }, () => random(16).toString(16)).join("");
const pick = <T>(values: readonly [T, ...T[]]): T => values[random(values.length)] ?? values[0];
const text = (value: string): string => JSON.stringify(value);
const time = (): string => `2026-07-1${random(10)}T21:${10 + random(49)}:${10 + random(49)}`;
const fineTime = (): string => text(`${time()}.${1_000_000 + random(8_999_999)}Z`);
const number = (below: number) => (): string => String(random(below));

/** Some things are seen often, most rarely: `pool` drawn once, picked with a skew. */
function drawn<T>(count: number, draw: (index: number) => T): () => T {
  const pool = Array.from({ length: count }, (_, index) => draw(index));
  return () => pool[random(random(count) + 1)] ?? draw(0);
}

const folders = [
  "C:\\Windows\\System32",
  "C:\\Program Files\\Office",
  "C:\\Users\\ö\\AppData",
] as const;
const names = ["powershell", "cmd", "svchost", "explorer", "Größe-ünï", "outlook"] as const;
const switches = [
  '-k netsvcs -s "Schedule"',
  "{weird:} [x],",
  "/recycle",
  "-NoProfile -File a.ps1",
] as const;

const drawFields = (): Field[] => {
  const program = drawn(400, (index) => ({
    name: `${pick(names)}${index}.exe`,
    folder: pick(folders),
    sha1: hex(40),
    sha256: hex(64),
    size: random(10_000_000),
  }));
  const user = drawn(200, (index) => ({
    name: `user${index}`,
    sid: `S-1-5-21-${random(1_000_000_000)}-${index}`,
  }));
  const device = drawn(2_000, (index) => ({ name: `host-${index}.contoso.com`, id: hex(40) }));
  let [seen, from, by, on] = [program(), program(), user(), device()];
  const commandLine = ({ folder, name }: typeof seen) =>
    text(`"${folder}\\${name}" ${pick(switches)} /${random(1_000)}`);
  const next = (): string => {
    [seen, from, by, on] = [program(), program(), user(), device()];
    return fineTime();
  };
  const columns: readonly (readonly [name: string, type: string, value: () => string])[] = [
    ["Timestamp", "DateTime", next],
    ["DeviceId", "String", () => text(on.id)],
    ["DeviceName", "String", () => text(on.name)],
    ["ReportId", "Int64", number(1_000_000)],
    ["SHA1", "String", () => text(seen.sha1)],
    ["ProcessId", "Int64", number(70_000)],
    ["ActionType", "String", () => text("ProcessCreated")],
    ["FileName", "String", () => text(seen.name)],
    ["FolderPath", "String", () => text(`${seen.folder}\\${seen.name}`)],
    ["ProcessCommandLine", "String", () => commandLine(seen)],
    ["SHA256", "String", () => text(seen.sha256)],
    ["FileSize", "Int64", () => String(seen.size)],
    ["ProcessIntegrityLevel", "String", () => text(pick(["System", "High", "Medium"]))],
    ["ProcessCreationTime", "DateTime", fineTime],
    ["AccountDomain", "String", () => text("contoso")],
    ["AccountName", "String", () => text(by.name)],
    ["AccountSid", "String", () => text(by.sid)],
    ["LogonId", "Int64", number(10_000_000)],
    ["InitiatingProcessSHA1", "String", () => text(from.sha1)],
    ["InitiatingProcessFileName", "String", () => text(from.name)],
    ["InitiatingProcessFolderPath", "String", () => text(`${from.folder}\\${from.name}`)],
    ["InitiatingProcessFileSize", "Int64", () => String(from.size)],
    ["InitiatingProcessId", "Int64", number(70_000)],
    ["InitiatingProcessCommandLine", "String", () => commandLine(from)],
    ["InitiatingProcessSignerType", "String", () => text(pick(["OsVendor", "Unknown"]))],
    ["InitiatingProcessParentId", "Int64", number(70_000)],
    ["LogonType", "String", () => text(pick(["Service", "Interactive"]))],
    ["RemoteDeviceName", "String", () => text("")],
    ["SessionId", "Int64", number(4)],
    ["RegistryValueType", "String", () => "null"],
  ];
  return columns.map(([name, type, value]) => ({ name, type, value }));
};

/** The first 26, and what only Graph does: sidecars, booleans as numbers, nulls as `{}`, marked bags, short times. */
const graphFields = (): Field[] => {
  const [first, ...others] = drawFields().slice(0, 26) as [Field, ...Field[]]; // of 30
  const bag = '{"@odata.type":"#microsoft.graph.security.dynamicColumnValue"';
  return [
    first,
    {
      name: "RegistrationTime",
      type: "DateTime",
      value: () => (random(2) === 0 ? "{}" : text(`${time()}Z`)),
    },
    { name: "IsElevated", type: "SByte", value: number(2) },
    { name: "IsRemote", type: "SByte", value: number(2) },
    ...others,
    {
      name: "AdditionalFields",
      type: "Object",
      value: () => `${bag},"Port":${random(65_000)},"Command":${text(pick(switches))}}`,
    },
  ];
};

const fieldsOf = (kind: AnswerKind): Field[] => {
  if (kind === "graph") return graphFields();
  return kind === "narrow" ? drawFields().slice(0, 10) : drawFields();
};

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
  const rows = Array.from(
    { length: blockRows },
    () => `{${members.map((member) => member()).join(",")}}`,
  );
  const schema = fields.map(({ name, type }) =>
    isGraph ? { name, type } : { Name: name, Type: type },
  );
  const [schemaKey, rowsKey] = isGraph ? ["schema", "results"] : ["Schema", "Results"];
  return {
    head: Buffer.from(`{"${schemaKey}":${JSON.stringify(schema)},"${rowsKey}":[`),
    block: Buffer.from(rows.join(",")),
    blockRows,
  };
}
