/** `invoke FileProfile(column, limit)`: what Defender knows worldwide of each row's file. */
import type { KqlNode } from "../../language/parser.ts";
import type { HuntColumn } from "../../../contracts/compiled-hunt.ts";
import type { KnownFile } from "../../../../test/simulator/dataset/entities.ts";
import { emptyValue } from "../../../../test/simulator/dataset/schema.ts";
import { asText } from "../coerce.ts";
import { simpleName } from "../names.ts";
import { columnAt, withColumns, type Row, type Scope, type Table } from "../plan.ts";
import { QueryError } from "../query-error.ts";

interface Field {
  readonly column: HuntColumn;
  readonly of: (file: KnownFile) => unknown;
}

const field = (name: string, type: HuntColumn["type"], of: Field["of"]): Field => ({
  column: { name, type },
  of,
});

const fields: readonly Field[] = [
  field("SHA1", "string", ({ sha1 }) => sha1),
  field("SHA256", "string", ({ sha256 }) => sha256),
  field("MD5", "string", ({ md5 }) => md5),
  field("FileSize", "long", ({ size }) => size),
  field("GlobalPrevalence", "long", ({ globalPrevalence }) => globalPrevalence),
  field("GlobalFirstSeen", "datetime", ({ globalFirstSeen }) => globalFirstSeen),
  field("GlobalLastSeen", "datetime", ({ globalLastSeen }) => globalLastSeen),
  field("Signer", "string", ({ signer }) => signer),
  field("Issuer", "string", ({ issuer }) => issuer),
  field("SignerHash", "string", ({ signerHash }) => signerHash),
  field("IsCertificateValid", "bool", ({ signer }) => (signer === "" ? null : true)),
  field("IsRootSignerMicrosoft", "bool", ({ signer, microsoft }) =>
    signer === "" ? null : microsoft,
  ),
  field("SignatureState", "string", ({ signer }) => (signer === "" ? "Unsigned" : "SignedValid")),
  field("IsExecutable", "bool", ({ name }) => /\.(?:exe|dll)$/.test(name)),
  field("ThreatName", "string", ({ determinationValue }) => determinationValue),
  field("Publisher", "string", ({ publisher }) => publisher),
  field("SoftwareName", "string", ({ product }) => product),
  field("ProfileAvailability", "string", () => "Available"),
];

/** The service enriches 100 rows unless told otherwise, 1,000 at most; the rest pass with empty columns. */
export function fileProfile(
  [column, limit]: readonly KqlNode[],
  input: Table,
  scope: Scope,
): Table {
  const name =
    column === undefined
      ? "SHA1"
      : column.kind === "NameReference"
        ? simpleName(column)
        : String(scope.compile.scalar(column, scope).run([]));
  const place = input.columns.findIndex((one) => one.name === name);
  const source = input.columns[place];
  if (source === undefined)
    throw new QueryError(
      "semantic",
      `The query has a semantic error: FileProfile: the column '${name}' is not in the input. Fix semantic errors in your query.`,
    );
  const hash = asText(columnAt(source.type, place));
  const most = Math.min(
    1_000,
    limit === undefined ? 100 : Number(scope.compile.scalar(limit, withColumns(scope, [])).run([])),
  );
  const columns = [...input.columns];
  const places = fields.map((one) => {
    const at = columns.findIndex((other) => other.name === one.column.name);
    if (at >= 0) columns[at] = one.column;
    return at >= 0 ? at : columns.push(one.column) - 1;
  });
  const rows = function* (): Generator<Row> {
    let count = 0;
    for (const row of input.rows())
      yield profiled(
        row,
        places,
        (count += 1) <= most
          ? known(scope.context.world.files).get(hash.run(row).toLowerCase())
          : undefined,
      );
  };
  return { columns, rows };
}

const books = new WeakMap<readonly KnownFile[], ReadonlyMap<string, KnownFile>>();

/** Files by each of their hashes; a changed book is another array. */
function known(files: readonly KnownFile[]): ReadonlyMap<string, KnownFile> {
  const book =
    books.get(files) ??
    new Map(
      files.flatMap((file) =>
        [file.sha1, file.sha256, file.md5].map((hash) => [hash, file] as const),
      ),
    );
  books.set(files, book);
  return book;
}

/** The hash of the row itself stays when nothing is known of it. */
function profiled(row: Row, places: readonly number[], file: KnownFile | undefined): Row {
  const out = [...row];
  for (const [index, one] of fields.entries()) {
    const at = places[index] ?? 0;
    if (file !== undefined) out[at] = one.of(file);
    else if (at >= row.length)
      out[at] = one.column.name === "ProfileAvailability" ? "Missing" : emptyValue(one.column.type);
  }
  return out;
}
