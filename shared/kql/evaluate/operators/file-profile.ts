/** `invoke FileProfile(column, limit)`: adds Defender's worldwide facts about each row's file. */
import type { KqlNode } from "../../language/parser.ts";
import type { HuntColumn } from "../../../contracts/compiled-hunt.ts";
import { asText } from "../coerce.ts";
import type { NamedValues } from "../context.ts";
import { withColumns, type Row, type Scope, type Table } from "../plan.ts";
import { createUnsupportedError } from "../query-error.ts";
import { getEmptyValue } from "../values.ts";
import { compileInvokedColumn } from "./service-functions.ts";

const columnTypes: Readonly<Record<string, HuntColumn["type"]>> = {
  SHA1: "string",
  SHA256: "string",
  MD5: "string",
  FileSize: "long",
  GlobalPrevalence: "long",
  GlobalFirstSeen: "datetime",
  GlobalLastSeen: "datetime",
  Signer: "string",
  Issuer: "string",
  SignerHash: "string",
  IsCertificateValid: "bool",
  IsRootSignerMicrosoft: "bool",
  SignatureState: "string",
  IsExecutable: "bool",
  ThreatName: "string",
  Publisher: "string",
  SoftwareName: "string",
  ProfileAvailability: "string",
};

/** The columns that FileProfile adds, in order. */
const profileColumns: readonly HuntColumn[] = Object.entries(columnTypes).map(([name, type]) => ({
  name,
  type,
}));

const defaultLimit = 100;
const maxLimit = 1_000;

/** The service profiles 100 rows by default and at most 1,000; other rows get empty columns. */
export function evaluateFileProfile(
  [column, limit]: readonly KqlNode[],
  input: Table,
  scope: Scope,
): Table {
  const findFile = scope.context.functions?.FileProfile;
  if (findFile === undefined) throw createUnsupportedError("'FileProfile()' without its rows");
  const hash = asText(compileInvokedColumn(column, "SHA1", input, scope));
  const maxRows = Math.min(
    maxLimit,
    limit === undefined
      ? defaultLimit
      : Number(scope.compile.scalar(limit, withColumns(scope, [])).run([])),
  );
  const columns = [...input.columns];
  const columnIndexes = profileColumns.map((one) => {
    const existingIndex = columns.findIndex((other) => other.name === one.name);
    if (existingIndex >= 0) columns[existingIndex] = one;
    return existingIndex >= 0 ? existingIndex : columns.push(one) - 1;
  });
  return {
    columns,
    *rows() {
      let count = 0;
      for (const row of input.rows()) {
        count += 1;
        const file = count <= maxRows ? findFile(hash.run(row).toLowerCase()) : undefined;
        yield addProfile(row, columnIndexes, file);
      }
    },
  };
}

/** Without a profile the row keeps its own values and gets empty ones in new columns. */
function addProfile(
  row: Row,
  columnIndexes: readonly number[],
  file: NamedValues | undefined,
): Row {
  const out = [...row];
  for (const [index, { name, type }] of profileColumns.entries()) {
    const columnIndex = columnIndexes[index] ?? 0;
    if (file !== undefined) out[columnIndex] = file[name] ?? getEmptyValue(type);
    else if (columnIndex >= row.length) out[columnIndex] = getEmptyValue(type);
  }
  if (file === undefined) out[columnIndexes.at(-1) ?? 0] = "Missing";
  return out;
}
