/** Repeatable hunting answers of any size: plain rows of the Defender API and rows of Graph. */

/**
 * `plain` and `graph` have 30 columns of process events and 1.2 to 1.4 kB a row, `narrow` the first
 * 10 and 0.4 kB. Size and compression (`gzip -1`: factor 4.3) are close to those of the data behind
 * the goals.
 */
export type AnswerKind = "plain" | "graph" | "narrow";

interface Field {
  readonly name: string;
  readonly type: string;
  readonly value: () => string;
}

// A linear congruential generator: repeatable; its data compresses like log data.
let state = 20_260_105;
const randomBelow = (below: number): number => {
  state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
  return Math.floor((state / 0x8000_0000) * below);
};

const randomHex = (digits: number): string =>
  Array.from({ length: digits }, () => randomBelow(16).toString(16)).join("");
const pickOne = <T>(values: readonly [T, ...T[]]): T =>
  values[randomBelow(values.length)] ?? values[0];
const toJsonText = (value: string): string => JSON.stringify(value);
const randomTime = (): string =>
  `2026-07-1${randomBelow(10)}T21:${10 + randomBelow(49)}:${10 + randomBelow(49)}`;
const randomFineTime = (): string =>
  toJsonText(`${randomTime()}.${1_000_000 + randomBelow(8_999_999)}Z`);
const numberBelow = (below: number) => (): string => String(randomBelow(below));

/** Draws `pool` once and picks with a skew: some values are frequent, most are rare. */
function createSkewedPicker<T>(count: number, draw: (index: number) => T): () => T {
  const pool = Array.from({ length: count }, (_, index) => draw(index));
  return () => pool[randomBelow(randomBelow(count) + 1)] ?? draw(0);
}

const folders = [
  "C:\\Windows\\System32",
  "C:\\Program Files\\Office",
  "C:\\Users\\ö\\AppData",
] as const;
const names = ["powershell", "cmd", "svchost", "explorer", "Größe-ünï", "outlook"] as const;
const commandSwitches = [
  '-k netsvcs -s "Schedule"',
  "{weird:} [x],",
  "/recycle",
  "-NoProfile -File a.ps1",
] as const;

const createPlainFields = (): Field[] => {
  const drawProgram = createSkewedPicker(400, (index) => ({
    name: `${pickOne(names)}${index}.exe`,
    folder: pickOne(folders),
    sha1: randomHex(40),
    sha256: randomHex(64),
    size: randomBelow(10_000_000),
  }));
  const drawUser = createSkewedPicker(200, (index) => ({
    name: `user${index}`,
    sid: `S-1-5-21-${randomBelow(1_000_000_000)}-${index}`,
  }));
  const drawDevice = createSkewedPicker(2_000, (index) => ({
    name: `host-${index}.contoso.com`,
    id: randomHex(40),
  }));
  let [childProcess, parentProcess, account, device] = [
    drawProgram(),
    drawProgram(),
    drawUser(),
    drawDevice(),
  ];
  const commandLine = ({ folder, name }: typeof childProcess) =>
    toJsonText(`"${folder}\\${name}" ${pickOne(commandSwitches)} /${randomBelow(1_000)}`);
  const drawEventTime = (): string => {
    [childProcess, parentProcess, account, device] = [
      drawProgram(),
      drawProgram(),
      drawUser(),
      drawDevice(),
    ];
    return randomFineTime();
  };
  const columns: readonly (readonly [name: string, type: string, value: () => string])[] = [
    ["Timestamp", "DateTime", drawEventTime],
    ["DeviceId", "String", () => toJsonText(device.id)],
    ["DeviceName", "String", () => toJsonText(device.name)],
    ["ReportId", "Int64", numberBelow(1_000_000)],
    ["SHA1", "String", () => toJsonText(childProcess.sha1)],
    ["ProcessId", "Int64", numberBelow(70_000)],
    ["ActionType", "String", () => toJsonText("ProcessCreated")],
    ["FileName", "String", () => toJsonText(childProcess.name)],
    ["FolderPath", "String", () => toJsonText(`${childProcess.folder}\\${childProcess.name}`)],
    ["ProcessCommandLine", "String", () => commandLine(childProcess)],
    ["SHA256", "String", () => toJsonText(childProcess.sha256)],
    ["FileSize", "Int64", () => String(childProcess.size)],
    ["ProcessIntegrityLevel", "String", () => toJsonText(pickOne(["System", "High", "Medium"]))],
    ["ProcessCreationTime", "DateTime", randomFineTime],
    ["AccountDomain", "String", () => toJsonText("contoso")],
    ["AccountName", "String", () => toJsonText(account.name)],
    ["AccountSid", "String", () => toJsonText(account.sid)],
    ["LogonId", "Int64", numberBelow(10_000_000)],
    ["InitiatingProcessSHA1", "String", () => toJsonText(parentProcess.sha1)],
    ["InitiatingProcessFileName", "String", () => toJsonText(parentProcess.name)],
    [
      "InitiatingProcessFolderPath",
      "String",
      () => toJsonText(`${parentProcess.folder}\\${parentProcess.name}`),
    ],
    ["InitiatingProcessFileSize", "Int64", () => String(parentProcess.size)],
    ["InitiatingProcessId", "Int64", numberBelow(70_000)],
    ["InitiatingProcessCommandLine", "String", () => commandLine(parentProcess)],
    ["InitiatingProcessSignerType", "String", () => toJsonText(pickOne(["OsVendor", "Unknown"]))],
    ["InitiatingProcessParentId", "Int64", numberBelow(70_000)],
    ["LogonType", "String", () => toJsonText(pickOne(["Service", "Interactive"]))],
    ["RemoteDeviceName", "String", () => toJsonText("")],
    ["SessionId", "Int64", numberBelow(4)],
    ["RegistryValueType", "String", () => "null"],
  ];
  return columns.map(([name, type, value]) => ({ name, type, value }));
};

/**
 * The first 26 columns in Graph's forms: sidecars, booleans as numbers, nulls as `{}`, marked bags,
 * short times.
 */
const createGraphFields = (): Field[] => {
  const [first, ...others] = createPlainFields().slice(0, 26) as [Field, ...Field[]]; // of 30
  const bag = '{"@odata.type":"#microsoft.graph.security.dynamicColumnValue"';
  return [
    first,
    {
      name: "RegistrationTime",
      type: "DateTime",
      value: () => (randomBelow(2) === 0 ? "{}" : toJsonText(`${randomTime()}Z`)),
    },
    { name: "IsElevated", type: "SByte", value: numberBelow(2) },
    { name: "IsRemote", type: "SByte", value: numberBelow(2) },
    ...others,
    {
      name: "AdditionalFields",
      type: "Object",
      value: () =>
        `${bag},"Port":${randomBelow(65_000)},"Command":${toJsonText(pickOne(commandSwitches))}}`,
    },
  ];
};

const fieldsOf = (kind: AnswerKind): Field[] => {
  if (kind === "graph") return createGraphFields();
  return kind === "narrow" ? createPlainFields().slice(0, 10) : createPlainFields();
};

/** The pieces of an answer: its head, a block of rows to repeat, and the block's number of rows. */
export interface AnswerParts {
  readonly head: Buffer;
  readonly block: Buffer;
  readonly blockRows: number;
}

const blockRows = 4_000;

/** Draws the rows of one kind. */
export function prepareAnswer(kind: AnswerKind): AnswerParts {
  state = 20_260_105;
  const isGraph = kind === "graph";
  const fields = fieldsOf(kind);
  const members = fields.map(({ name, type, value }) => {
    const typeMember = isGraph && type === "SByte" ? `"${name}@odata.type":"#SByte",` : "";
    return () => `${typeMember}"${name}":${value()}`;
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
