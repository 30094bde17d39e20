/** Finds a function by its name and compiles the call. */
import type { KqlNode } from "../../language/parser.ts";
import { over, type Scalar, type Scope } from "../plan.ts";
import { unsupported } from "../query-error.ts";
import { conversions } from "./convert.ts";
import { dynamicFunctions } from "./dynamic.ts";
import type { Family } from "./maker.ts";
import { mathFunctions } from "./maths.ts";
import { networkFunctions } from "./network.ts";
import { stringFunctions } from "./strings.ts";
import { timeFunctions } from "./time.ts";
import { windowFunctions } from "./window.ts";

/** `ingestion_time()`: the tenant's rows do not carry theirs; the time of the event stands for it. */
const others: Family = {
  ingestion_time: (_, { scope }) => {
    const place = scope.columns.findIndex(({ name }) => name === "Timestamp");
    return over(
      "datetime",
      [{ type: "datetime", constant: false, run: () => null }],
      (row) => row[place] ?? null,
    );
  },
};

const functions: ReadonlyMap<string, Family[string]> = new Map(
  [
    conversions,
    timeFunctions,
    stringFunctions,
    networkFunctions,
    dynamicFunctions,
    mathFunctions,
    windowFunctions,
    others,
  ].flatMap((family) => Object.entries(family)),
);

/** Compiles a call of one of KQL's own scalar functions. */
export function callFunction(name: string, nodes: readonly KqlNode[], scope: Scope): Scalar {
  const maker = functions.get(name);
  if (maker === undefined) throw unsupported(`The function '${name}'`);
  const args = nodes.map((arg) =>
    name.startsWith("column") ? lenient(arg, scope) : scope.compile.scalar(arg, scope),
  );
  return maker(args, { name, nodes, scope });
}

/** `column_ifexists(Name, …)` may name a column that is not there. */
function lenient(node: KqlNode, scope: Scope): Scalar {
  return node.kind === "NameReference" &&
    !scope.columns.some(({ name }) => name === node.text) &&
    scope.names.find(node.text) === undefined
    ? { type: "string", constant: true, run: () => node.text }
    : scope.compile.scalar(node, scope);
}
