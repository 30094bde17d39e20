/** A parsed request body, the limits that it must keep, and the walk that checks them. */
import { toPointerPart, type InputFault } from "./input-faults.ts";

/** As much of a request as reading its body needs; the platform's request has this shape. */
export interface IncomingBody {
  readonly headers: { readonly get: (name: string) => string | null };
  readonly arrayBuffer: () => Promise<ArrayBuffer>;
}

/** What a parsed body may be made of: nesting, elements and keys of one array or object, characters of one string. */
export interface BodyLimits {
  readonly depth: number;
  readonly keys: number;
  readonly elements: number;
  readonly characters: number;
}

/** Largest body of any door, bytes. */
export const maxBodyBytes = 1_048_576;

/** For verdicts and webhooks. */
export const strictLimits: BodyLimits = {
  depth: 32,
  keys: 2_000,
  elements: 1_000,
  characters: 32_768,
};

/** For file lookups, which take whatever a SIEM sends. */
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
 * The first thing in a parsed value that is outside the limits, or `undefined`. Walks without recursion: nesting a
 * million deep is an answer here, not a full stack.
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
      message: `has ${elements.length} elements, want at most ${limits.elements}`,
    };
  for (let index = 0; index < elements.length; index += 1) {
    const fault = visitValue(elements[index], index, step, stack, limits);
    if (fault) return fault;
  }
  return undefined;
}

function pushMembers(step: Step, stack: Step[], limits: BodyLimits): InputFault | undefined {
  const names = Object.keys(step.value);
  if (names.length > limits.keys)
    return { path: pathOf(step), message: `has ${names.length} keys, want at most ${limits.keys}` };
  for (const name of names) {
    const member = (step.value as Readonly<Record<string, unknown>>)[name];
    if (isPrototypeKey(name, member))
      return { path: pathOf(step, name), message: "this name is not accepted; remove the key" };
    if (name.length > limits.characters)
      return {
        path: pathOf(step),
        message: `has a name of ${name.length} characters, want at most ${limits.characters}`,
      };
    const fault = visitValue(member, name, step, stack, limits);
    if (fault) return fault;
  }
  return undefined;
}

/** Names through which a careless merge would write to `Object.prototype`. */
export const isPrototypeKey = (name: string, member: unknown): boolean =>
  name === "__proto__" ||
  (name === "constructor" &&
    typeof member === "object" &&
    member !== null &&
    Object.hasOwn(member, "prototype"));

function visitValue(
  value: unknown,
  name: string | number,
  above: Step,
  stack: Step[],
  limits: BodyLimits,
): InputFault | undefined {
  if (typeof value !== "object" || value === null)
    return findScalarFault(value, limits, above, name);
  if (above.depth >= limits.depth)
    return { path: pathOf(above, name), message: `is nested deeper than ${limits.depth} levels` };
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
      message: `has ${value.length} characters, want at most ${limits.characters}`,
    };
  if (typeof value === "number" && !Number.isFinite(value))
    return { path: toPath(), message: "is a number too large to be kept" };
  return undefined;
}

function pathOf(step: Step, ...names: (string | number)[]): string {
  const parts: (string | number)[] = [...names];
  for (let at: Step = step; at.above !== undefined; at = at.above) parts.unshift(at.name);
  return parts.map(toPointerPart).join("");
}
