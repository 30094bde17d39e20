/** `invoke FileProfile(column, limit)`: what Defender knows worldwide of each row's file. */
import type { KqlNode } from "../../language/parser.ts";
import type { HuntColumn } from "../../../contracts/compiled-hunt.ts";
import type { KnownFile } from "../../../../test/simulator/dataset/entities.ts";
import { getEmptyValue } from "../../../../test/simulator/dataset/schema.ts";
import { asText } from "../coerce.ts";
import { readName } from "../names.ts";
import { createColumnScalar, withColumns, type Row, type Scope, type Table } from "../plan.ts";
import { QueryError } from "../query-error.ts";

interface ProfileField {
  readonly column: HuntColumn;
  readonly readValue: (file: KnownFile) => unknown;
}

const createField = (
  name: string,
  type: HuntColumn["type"],
  readValue: ProfileField["readValue"],
): ProfileField => ({
  column: { name, type },
  readValue,
});

const fields: readonly ProfileField[] = [
  createField("SHA1", "string", ({ sha1 }) => sha1),
  createField("SHA256", "string", ({ sha256 }) => sha256),
  createField("MD5", "string", ({ md5 }) => md5),
  createField("FileSize", "long", ({ size }) => size),
  createField("GlobalPrevalence", "long", ({ globalPrevalence }) => globalPrevalence),
  createField("GlobalFirstSeen", "datetime", ({ globalFirstSeen }) => globalFirstSeen),
  createField("GlobalLastSeen", "datetime", ({ globalLastSeen }) => globalLastSeen),
  createField("Signer", "string", ({ signer }) => signer),
  createField("Issuer", "string", ({ issuer }) => issuer),
  createField("SignerHash", "string", ({ signerHash }) => signerHash),
  createField("IsCertificateValid", "bool", ({ signer }) => (signer === "" ? null : true)),
  createField("IsRootSignerMicrosoft", "bool", ({ signer, isMicrosoft: microsoft }) =>
    signer === "" ? null : microsoft,
  ),
  createField("SignatureState", "string", ({ signer }) =>
    signer === "" ? "Unsigned" : "SignedValid",
  ),
  createField("IsExecutable", "bool", ({ name }) => /\.(?:exe|dll)$/.test(name)),
  createField("ThreatName", "string", ({ determinationValue }) => determinationValue),
  createField("Publisher", "string", ({ publisher }) => publisher),
  createField("SoftwareName", "string", ({ product }) => product),
  createField("ProfileAvailability", "string", () => "Available"),
];

/** The service enriches 100 rows unless told otherwise, 1,000 at most; the rest pass with empty columns. */
export function evaluateFileProfile(
  [column, limit]: readonly KqlNode[],
  input: Table,
  scope: Scope,
): Table {
  const name =
    column === undefined
      ? "SHA1"
      : column.kind === "NameReference"
        ? readName(column)
        : String(scope.compile.scalar(column, scope).run([]));
  const columnIndex = input.columns.findIndex((one) => one.name === name);
  const source = input.columns[columnIndex];
  if (source === undefined)
    throw new QueryError(
      "semantic",
      `The query has a semantic error: FileProfile: the column '${name}' is not in the input. Fix semantic errors in your query.`,
    );
  const hash = asText(createColumnScalar(source.type, columnIndex));
  const maxRows = Math.min(
    1_000,
    limit === undefined ? 100 : Number(scope.compile.scalar(limit, withColumns(scope, [])).run([])),
  );
  const columns = [...input.columns];
  const columnIndexes = fields.map((one) => {
    const existingIndex = columns.findIndex((other) => other.name === one.column.name);
    if (existingIndex >= 0) columns[existingIndex] = one.column;
    return existingIndex >= 0 ? existingIndex : columns.push(one.column) - 1;
  });
  const rows = function* (): Generator<Row> {
    let count = 0;
    for (const row of input.rows())
      yield addProfile(
        row,
        columnIndexes,
        (count += 1) <= maxRows
          ? indexFiles(scope.context.dataset.files).get(hash.run(row).toLowerCase())
          : undefined,
      );
  };
  return { columns, rows };
}

const fileIndexes = new WeakMap<readonly KnownFile[], ReadonlyMap<string, KnownFile>>();

/** Files by each of their hashes; a changed book is another array. */
function indexFiles(files: readonly KnownFile[]): ReadonlyMap<string, KnownFile> {
  const fileIndex =
    fileIndexes.get(files) ??
    new Map(
      files.flatMap((file) =>
        [file.sha1, file.sha256, file.md5].map((hash) => [hash, file] as const),
      ),
    );
  fileIndexes.set(files, fileIndex);
  return fileIndex;
}

/** The hash of the row itself stays when nothing is known of it. */
function addProfile(row: Row, columnIndexes: readonly number[], file: KnownFile | undefined): Row {
  const out = [...row];
  for (const [index, one] of fields.entries()) {
    const columnIndex = columnIndexes[index] ?? 0;
    if (file !== undefined) out[columnIndex] = one.readValue(file);
    else if (columnIndex >= row.length)
      out[columnIndex] =
        one.column.name === "ProfileAvailability" ? "Missing" : getEmptyValue(one.column.type);
  }
  return out;
}
