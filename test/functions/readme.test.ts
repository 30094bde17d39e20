/** Compares the tables of `functions/README.md` with what the app registers. */
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

/** The first two cells of each row: name, and route, queue or schedule. */
const documented = readFileSync("functions/README.md", "utf8")
  .split("\n")
  .map((line) => line.split("|").map((cell) => cell.trim().replaceAll("`", "")))
  .filter(([, name]) => /^[a-z_{}]+$/.test(name ?? ""))
  .map(([, name, trigger, authentication]) => ({ name, trigger, authentication }));

const describeTrigger = ({ type, methods = [], route, queueName, schedule }: Binding) =>
  type === "httpTrigger"
    ? `${[...methods].sort().join(", ")} ${route}`
    : type === "queueTrigger"
      ? queueName
      : schedule;

const registered = functions
  .filter(({ name }) => !name.startsWith("hunt_"))
  .map(({ name, bindings }) => ({
    name,
    binding: Object.values(bindings).find(({ type }) => type.endsWith("Trigger")),
  }));

test("functions/README.md lists each function with its route, queue or schedule", () => {
  expect(registered.length).toBeGreaterThan(25);
  expect(
    documented
      .filter(({ name }) => name !== "hunt_{name}")
      .map(({ name, trigger }) => `${name} ${trigger}`)
      .sort(),
  ).toEqual(
    registered
      .map(
        ({ name, binding }) => `${name} ${binding === undefined ? "" : describeTrigger(binding)}`,
      )
      .sort(),
  );
});

test("functions/README.md names a function key for exactly the functions that require one", () => {
  const keyed = registered.filter(({ binding }) => binding?.authLevel === "function");
  expect(
    documented
      .filter(({ authentication }) => authentication?.startsWith("function key"))
      .map(({ name }) => name)
      .sort(),
  ).toEqual(keyed.map(({ name }) => name).sort());
});
