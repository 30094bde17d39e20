/** A parsed request body, the limits that it must keep, and the walk that checks them. */
import { toPointerPart, type InputFault } from "./input-faults.ts";

/** The part of a request that reading its body needs. */
export interface IncomingBody {
  readonly headers: { readonly get: (name: string) => string | null };
  readonly arrayBuffer: () => Promise<ArrayBuffer>;
}

/**
 * Limits of a parsed body: nesting, elements of one array, keys of one object, characters of one
 * string.
 */
export interface BodyLimits {
  readonly depth: number;
  readonly keys: number;
  readonly elements: number;
  readonly characters: number;
}

/** Maximum body of any request, in bytes. */
export const maxBodyBytes = 1_048_576;

/** Limits of verdicts and webhooks. */
export const strictLimits: BodyLimits = {
  depth: 32,
  keys: 2_000,
  elements: 1_000,
  characters: 32_768,
};

/** Limits of file lookups, which accept any payload. */
export const wideLimits: BodyLimits = {
  depth: 32,
  keys: 20_000,
  elements: 20_000,
  characters: maxBodyBytes,
};

/** A body by its media type. Form fields keep their order and may repeat. */
export type ParsedBody =
  | { readonly kind: "json"; readonly value: unknown }
  | { readonly kind: "form"; readonly fields: readonly (readonly [name: string, value: string])[] }
  | { readonly kind: "text"; readonly text: string };

interface Step {
  readonly value: object;
  readonly depth: number;
  readonly above: Step | undefined;
  readonly name: string | number;
}

/**
 * Returns the first place of a parsed value that exceeds a limit, or `undefined`. The walk is not
 * recursive, so that deep nesting cannot overflow the stack.
 */
export function findFault(value: unknown, limits: BodyLimits): InputFault | undefined {
  if (typeof value !== "object" || value === null)
    return findScalarFault(value, limits, undefined, "");
  const stack: Step[] = [{ value, depth: 1, above: undefined, name: "" }];
  for (let step = stack.pop(); step !== undefined; step = stack.pop()) {
    const fault = Array.isArray(step.value)
      ? pushElements(step, stack, limits)
      : pushMembers(step, stack, limits);
    if (fault) return fault;
  }
  return undefined;
}

function pushElements(step: Step, stack: Step[], limits: BodyLimits): InputFault | undefined {
  const elements = step.value as readonly unknown[];
  if (elements.length > limits.elements)
    return {
      path: pathOf(step),
      message: `must have at most ${limits.elements} elements, but has ${elements.length}`,
    };
  for (let index = 0; index < elements.length; index += 1) {
    const fault = visitValue(elements[index], { above: step, name: index }, stack, limits);
    if (fault) return fault;
  }
  return undefined;
}

function pushMembers(step: Step, stack: Step[], limits: BodyLimits): InputFault | undefined {
  const names = Object.keys(step.value);
  if (names.length > limits.keys)
    return {
      path: pathOf(step),
      message: `must have at most ${limits.keys} keys, but has ${names.length}`,
    };
  for (const name of names) {
    const member = (step.value as Readonly<Record<string, unknown>>)[name];
    if (isPrototypeKey(name, member))
      return { path: pathOf(step, name), message: "must not have this name; remove the key" };
    if (name.length > limits.characters)
      return {
        path: pathOf(step),
        message: `must have names of at most ${limits.characters} characters, but has one of ${name.length}`,
      };
    const fault = visitValue(member, { above: step, name }, stack, limits);
    if (fault) return fault;
  }
  return undefined;
}

/** True for names with which a merge could write to `Object.prototype`. */
export const isPrototypeKey = (name: string, member: unknown): boolean =>
  name === "__proto__" ||
  (name === "constructor" &&
    typeof member === "object" &&
    member !== null &&
    Object.hasOwn(member, "prototype"));

function visitValue(
  value: unknown,
  { above, name }: { readonly above: Step; readonly name: string | number },
  stack: Step[],
  limits: BodyLimits,
): InputFault | undefined {
  if (typeof value !== "object" || value === null)
    return findScalarFault(value, limits, above, name);
  if (above.depth >= limits.depth)
    return {
      path: pathOf(above, name),
      message: `must be nested at most ${limits.depth} levels deep`,
    };
  stack.push({ value, depth: above.depth + 1, above, name });
  return undefined;
}

function findScalarFault(
  value: unknown,
  limits: BodyLimits,
  above: Step | undefined,
  name: string | number,
): InputFault | undefined {
  const toPath = (): string => (above ? pathOf(above, name) : "");
  if (typeof value === "string" && value.length > limits.characters)
    return {
      path: toPath(),
      message: `must have at most ${limits.characters} characters, but has ${value.length}`,
    };
  if (typeof value === "number" && !Number.isFinite(value))
    return { path: toPath(), message: "must be a number of double precision" };
  return undefined;
}

function pathOf(step: Step, ...names: (string | number)[]): string {
  const parts: (string | number)[] = [...names];
  for (let at: Step = step; at.above !== undefined; at = at.above) parts.unshift(at.name);
  return parts.map(toPointerPart).join("");
}
