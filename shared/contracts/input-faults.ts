/** Faults of an input, each with the JSON pointer of the field that has it. */

/** One fault: `path` as a JSON pointer, `message` with the expected form. */
export interface InputFault {
  readonly path: string;
  readonly message: string;
}

const maxNameLength = 80;

/**
 * One step of a JSON pointer (RFC 6901). Names longer than 80 characters are cut: pointers are for
 * people.
 */
export const toPointerPart = (name: string | number): string =>
  `/${String(name).slice(0, maxNameLength).replaceAll("~", "~0").replaceAll("/", "~1")}`;

interface SchemaIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly code?: string | undefined;
  readonly keys?: readonly string[];
}

/**
 * Lists the faults that a zod schema found, each under the pointer of its field; names each unknown
 * key.
 */
export const toInputFaults = (error: { readonly issues: readonly unknown[] }): InputFault[] =>
  (error.issues as readonly SchemaIssue[]).flatMap((issue) =>
    issue.code === "unrecognized_keys" && issue.keys
      ? issue.keys.map((key) => ({
          path: toPointer([...issue.path, key]),
          message: "unknown key; remove it or check its spelling",
        }))
      : [{ path: toPointer(issue.path), message: issue.message }],
  );

const toPointer = (path: readonly PropertyKey[]): string =>
  path.map((part) => toPointerPart(String(part))).join("");
