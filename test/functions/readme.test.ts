/** Compares the tables of functions/README.md with what the built app registers. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

interface Binding {
  readonly type: string;
  readonly methods?: readonly string[];
  readonly route?: string;
  readonly authLevel?: string;
  readonly queueName?: string;
  readonly schedule?: string;
}

const { functions } = JSON.parse(readFileSync("dist/registrations.json", "utf8")) as {
  functions: readonly { name: string; bindings: Readonly<Record<string, Binding>> }[];
};

/** The trigger as the second column of the table shows it. */
function describeTrigger({ methods = [], queueName, route = "", schedule }: Binding): string {
  if (queueName !== undefined) return `\`${queueName}\``;
  if (schedule !== undefined) return `\`${schedule}\``;
  return `${methods.join(", ")} \`${route}\``;
}

const rows = readFileSync("functions/README.md", "utf8")
  .split("\n")
  .flatMap((line) => {
    const [, name, trigger = "", auth = ""] =
      /^\| `(\w+)` *\| ([^|]+)\| ([^|]+)\|/.exec(line) ?? [];
    return name === undefined ? [] : [{ name, trigger: trigger.trim(), auth: auth.trim() }];
  });

const registered = functions
  .filter(({ name }) => !name.startsWith("hunt_"))
  .map(({ name, bindings }) => {
    const trigger = Object.values(bindings).find(({ type }) => type.endsWith("Trigger"));
    return { name, trigger: trigger ?? { type: "" } };
  });

test("functions/README.md lists every function with its trigger", () => {
  const toLine = (name: string, trigger: string): string => `${name}: ${trigger}`;
  expect(rows.map(({ name, trigger }) => toLine(name, trigger)).toSorted()).toEqual(
    registered.map(({ name, trigger }) => toLine(name, describeTrigger(trigger))).toSorted(),
  );
});

test("functions/README.md names a key exactly for the functions that require one", () => {
  const keyed = registered.filter(({ trigger }) => trigger.authLevel === "function");
  expect(
    rows
      .filter(({ auth }) => auth === "key")
      .map(({ name }) => name)
      .toSorted(),
  ).toEqual(keyed.map(({ name }) => name).toSorted());
});
