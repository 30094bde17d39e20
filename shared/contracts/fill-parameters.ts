/** Gives the parameters of a hunt other values than their defaults. */
import { createHash } from "node:crypto";
import type { CompiledHunt, HuntParameter } from "./compiled-hunt.ts";
import {
  describeParameterForm,
  formatParameterLets,
  formatParameterValue,
} from "./hunt-parameters.ts";

/** A hunt with the values, or why they cannot be used. */
export type FilledHunt =
  | { readonly kind: "filled"; readonly hunt: CompiledHunt }
  /** Each problem begins with the parameter's JSON pointer. */
  | { readonly kind: "invalid"; readonly problems: readonly string[] };

/**
 * Replaces the values of parameters, by their names. Other values give another query, so the log
 * starts a new version; the defaults give the same one.
 */
export function fillParameters(
  hunt: CompiledHunt,
  values: Readonly<Record<string, unknown>>,
): FilledHunt {
  const problems = Object.entries(values).flatMap(([name, value]) =>
    findValueProblem(hunt.parameters, name, value),
  );
  if (problems.length > 0) return { kind: "invalid", problems };
  const parameters = hunt.parameters.map((parameter) =>
    Object.hasOwn(values, parameter.name)
      ? { ...parameter, literal: formatLiteral(parameter, values[parameter.name]) }
      : parameter,
  );
  const changedLiterals = parameters.flatMap(({ name, literal }, index) =>
    literal === hunt.parameters[index]?.literal ? [] : [[name, literal] as const],
  );
  if (changedLiterals.length === 0) return { kind: "filled", hunt };
  const authoredQuery = hunt.source.slice(formatParameterLets(hunt.parameters).length);
  const queryHash = createHash("sha256")
    .update(JSON.stringify([hunt.queryHash, changedLiterals]))
    .digest("hex");
  const source = formatParameterLets(parameters) + authoredQuery;
  return { kind: "filled", hunt: { ...hunt, parameters, queryHash, source } };
}

const formatLiteral = ({ type, literal }: HuntParameter, value: unknown): string =>
  formatParameterValue(type, value) ?? literal;

function findValueProblem(
  parameters: readonly HuntParameter[],
  name: string,
  value: unknown,
): readonly string[] {
  const parameter = parameters.find((each) => each.name === name);
  if (!parameter) {
    const names = parameters.map((each) => each.name).join(", ") || "it has none";
    return [`/${name}: must be a parameter of the hunt (${names})`];
  }
  const literal = formatParameterValue(parameter.type, value);
  if (literal === undefined) return [`/${name}: must be ${describeParameterForm(parameter.type)}`];
  return parameter.isFixed && literal !== parameter.literal
    ? [`/${name}: must be left at its default, because the width of windows depends on it`]
    : [];
}
