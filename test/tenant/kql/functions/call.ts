/** Finds a function by its name and compiles the call. */
import type { KqlNode } from "../../../../shared/hunts/kql/parser.ts";
import type { Scalar, Scope } from "../plan.ts";
import { unsupported } from "../query-error.ts";
import { conversions } from "./convert.ts";
import type { Family } from "./maker.ts";
import { timeFunctions } from "./time.ts";

const families: readonly Family[] = [conversions, timeFunctions];

/** Compiles a call of one of KQL's own scalar functions. */
export function callFunction(name: string, nodes: readonly KqlNode[], scope: Scope, node: KqlNode): Scalar {
  const maker = families.find((family) => Object.hasOwn(family, name))?.[name];
  if (maker === undefined) throw unsupported(`'${node.text.slice(0, name.length)}()'`);
  return maker(
    nodes.map((arg) => scope.compile.scalar(arg, scope)),
    { name, nodes, scope },
  );
}
