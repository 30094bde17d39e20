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

/** What a schema reports of one fault; which members are there depends on the code. */
interface SchemaIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly code?: string | undefined;
  readonly keys?: readonly string[];
  readonly expected?: string;
  readonly values?: readonly unknown[];
  readonly origin?: string;
  readonly minimum?: number | bigint;
  readonly maximum?: number | bigint;
  readonly divisor?: number;
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
      : [{ path: toPointer(issue.path), message: describeIssue(issue) }],
  );

/** The text of zod for a fault that the schema itself gives no text. */
const missingText = "Invalid input";

const describeIssue = (issue: SchemaIssue): string =>
  issue.message === missingText
    ? `must ${(expectations[issue.code ?? ""] ?? expectValid)(issue)}`
    : issue.message;

const expectValid = (): string => "have one of the documented forms";

const expectations: Readonly<Record<string, (issue: SchemaIssue) => string>> = {
  invalid_type: ({ expected = "" }) => `be ${typeNames[expected] ?? expected}`,
  invalid_value: ({ values = [] }) =>
    values.length === 1
      ? `be ${JSON.stringify(values[0])}`
      : `be one of ${values.map(String).join(", ")}`,
  too_small: ({ minimum, origin }) => describeLimit("at least", minimum, origin),
  too_big: ({ maximum, origin }) => describeLimit("at most", maximum, origin),
  not_multiple_of: ({ divisor }) => `be a multiple of ${divisor}`,
  invalid_key: () => "have valid names",
};

const describeLimit = (
  comparison: string,
  limit: number | bigint | undefined,
  origin = "",
): string => {
  const unit = limitUnits[origin];
  return unit === undefined ? `be ${comparison} ${limit}` : `have ${comparison} ${limit} ${unit}`;
};

const limitUnits: Readonly<Record<string, string>> = {
  string: "characters",
  array: "elements",
  set: "elements",
  object: "members",
};

const typeNames: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  bigint: "a whole number",
  boolean: "true or false",
  array: "an array",
  tuple: "an array",
  object: "an object",
  record: "an object",
  null: "null",
  never: "left out",
  undefined: "left out",
};

const toPointer = (path: readonly PropertyKey[]): string =>
  path.map((part) => toPointerPart(String(part))).join("");
