/** Finds a function by its name and compiles the call. */
import type { KqlNode } from "../../language/parser.ts";
import type { Scalar, Scope } from "../plan.ts";
import { createUnsupportedError } from "../query-error.ts";
import { findMaxArguments } from "./argument-counts.ts";
import { arrayFunctions } from "./arrays.ts";
import { conversionFunctions } from "./convert.ts";
import { dynamicFunctions } from "./dynamic.ts";
import type { FunctionTable } from "./function-compiler.ts";
import { mathFunctions } from "./math.ts";
import { ipv6Functions } from "./ipv6.ts";
import { networkFunctions } from "./network.ts";
import { seriesModelFunctions } from "./series-models.ts";
import { seriesFunctions } from "./series.ts";
import { codecFunctions } from "./codecs.ts";
import { sketchFunctions } from "./sketches.ts";
import { listColumnNames, specialFunctions } from "./special.ts";
import { unitFunctions } from "./units.ts";
import { stringFunctions } from "./strings.ts";
import { timeFunctions } from "./time.ts";
import { windowFunctions } from "./window.ts";

/** Every scalar function by name. */
export const functions: ReadonlyMap<string, FunctionTable[string]> = new Map(
  [
    conversionFunctions,
    timeFunctions,
    stringFunctions,
    networkFunctions,
    ipv6Functions,
    arrayFunctions,
    dynamicFunctions,
    mathFunctions,
    seriesFunctions,
    seriesModelFunctions,
    windowFunctions,
    specialFunctions,
    codecFunctions,
    unitFunctions,
    sketchFunctions,
  ].flatMap((family) => Object.entries(family)),
);

/** Compiles a call of one of KQL's own scalar functions. */
export function compileBuiltinCall(name: string, nodes: readonly KqlNode[], scope: Scope): Scalar {
  const compileFunction = functions.get(name);
  if (compileFunction === undefined) throw createUnsupportedError(`The function '${name}'`);
  const extra = nodes[findMaxArguments(name) ?? 0];
  if (extra !== undefined)
    throw createUnsupportedError(`The argument '${extra.text}' of '${name}'`);
  if (name === "column_names_of") return listColumnNames([], { name, nodes, scope });
  const args = nodes.map((arg) =>
    name.startsWith("column") ? compileColumnName(arg, scope) : scope.compile.scalar(arg, scope),
  );
  return compileFunction(args, { name, nodes, scope });
}

/** `column_ifexists(Name, …)` may name a column that is not there. */
function compileColumnName(node: KqlNode, scope: Scope): Scalar {
  return node.kind === "NameReference" &&
    !scope.columns.some(({ name }) => name === node.text) &&
    scope.names.find(node.text) === undefined
    ? { type: "string", isConstant: true, run: () => node.text }
    : scope.compile.scalar(node, scope);
}
