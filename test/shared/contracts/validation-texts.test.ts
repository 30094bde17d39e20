/** Every fault that a schema of the contracts can name has a text that says what is expected. */
import { globSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { toInputFaults } from "../../../shared/contracts/input-faults.ts";

const files = globSync("shared/contracts/*.ts");
const schemas: [name: string, schema: z.ZodMiniType][] = [];
for (const file of files) {
  const module = (await import(`../../../${file}`)) as Readonly<Record<string, unknown>>;
  for (const [name, value] of Object.entries(module))
    if (value instanceof z.ZodMiniType) schemas.push([`${file} ${name}`, value]);
}

const wrongValues: readonly unknown[] = [
  null,
  undefined,
  [],
  {},
  "",
  " ",
  "x",
  -1,
  1.5,
  Number.NaN,
  1e300,
  true,
  [null],
  [[]],
  [{}],
  { unknown: 1 },
  "x".repeat(2_000),
];

/** The members of an object schema, looking through optional and refined ones. */
const listMembers = (schema: z.ZodMiniType): readonly string[] =>
  schema instanceof z.ZodMiniObject ? Object.keys(schema.shape) : [];

/** Inputs: each wrong value alone, in each member, and in a list in each member. */
const listInputs = (schema: z.ZodMiniType): readonly unknown[] => [
  ...wrongValues,
  ...listMembers(schema).flatMap((name) =>
    wrongValues.flatMap((value) => [{ [name]: value }, { [name]: [value] }]),
  ),
];

const isPlain = (message: string): boolean =>
  /^(?:must |unknown key; remove it|is required)/.test(message) && !message.includes("Invalid");

describe("the schemas of the contracts", () => {
  test("are found", () => {
    expect(schemas.length).toBeGreaterThan(40);
  });

  test.each(schemas)("%s says what each input must be", (_, schema) => {
    const messages = listInputs(schema).flatMap((input) => {
      const { error } = schema.safeParse(input);
      return error ? toInputFaults(error).map(({ message }) => message) : [];
    });
    expect([...new Set(messages)].filter((message) => !isPlain(message))).toEqual([]);
  });
});
