/** Route templates as ASP.NET Core reads them: literals in any case, parameters with constraints, optional, catch-all. */

/** Tells whether a path (without query, with its leading slash) matches, and with which parameters. */
export type Route = (path: string) => Record<string, string> | undefined;

type Check = (value: string) => boolean;

interface Segment {
  /** Literal texts and parameters, alternating as written. */
  readonly parts: readonly (string | Parameter)[];
}

interface Parameter {
  readonly name: string;
  readonly optional: boolean;
  readonly catchAll: boolean;
  readonly checks: readonly Check[];
}

/**
 * @param template - such as `api/files/{sha1:length(40)}/{page:int?}`; braces inside a regex are doubled
 * @throws Error naming what is wrong in the template
 */
export function compileRoute(template: string): Route {
  const segments = splitTemplate(template).map((text) => parseSegment(text, template));
  segments.slice(0, -1).forEach((segment) => {
    if (segment.parts.some((part) => typeof part !== "string" && (part.catchAll || part.optional)))
      throw new Error(`route "${template}": an optional or catch-all parameter must come last`);
  });
  return (path) => matchSegments(segments, decode(path));
}

/** Splits at slashes outside of braces. */
function splitTemplate(template: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let text = "";
  for (const letter of template.replaceAll(/^\/+|\/+$/g, "")) {
    if (letter === "{") depth += 1;
    if (letter === "}") depth -= 1;
    if (letter === "/" && depth === 0) {
      found.push(text);
      text = "";
    } else text += letter;
  }
  if (depth !== 0) throw new Error(`route "${template}": a brace has no partner`);
  return text === "" && found.length === 0 ? [] : [...found, text];
}

function parseSegment(text: string, template: string): Segment {
  if (text === "") throw new Error(`route "${template}": an empty segment`);
  const parts: (string | Parameter)[] = [];
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf("{", at);
    if (open < 0) parts.push(text.slice(at));
    else if (open > at) parts.push(text.slice(at, open));
    if (open < 0) break;
    const close = closingBrace(text, open);
    parts.push(parseParameter(text.slice(open + 1, close), template));
    at = close + 1;
  }
  return { parts };
}

/** The brace that ends a parameter; doubled ones belong to a regex. */
function closingBrace(text: string, open: number): number {
  for (let at = open + 1; at < text.length; at += 1) {
    const isBrace = text[at] === "{" || text[at] === "}";
    if (isBrace && text[at] === text[at + 1]) at += 1;
    else if (text[at] === "}") return at;
  }
  throw new Error(`route segment "${text}": a brace has no partner`);
}

function parseParameter(text: string, template: string): Parameter {
  const stars = /^\*{0,2}/.exec(text)?.[0].length ?? 0;
  const bare = text.slice(stars);
  const optional = bare.endsWith("?");
  const [name = "", ...constraints] = splitConstraints(optional ? bare.slice(0, -1) : bare);
  if (!/^\w+$/.test(name))
    throw new Error(`route "${template}": "{${text}}" has no sound parameter name`);
  const checks = constraints.map((constraint) => parseConstraint(constraint, template));
  return { name, optional, catchAll: stars > 0, checks };
}

/** Splits at colons outside of parentheses. */
function splitConstraints(text: string): string[] {
  const found = [""];
  let depth = 0;
  for (const letter of text) {
    if (letter === "(") depth += 1;
    if (letter === ")") depth -= 1;
    if (letter === ":" && depth === 0) found.push("");
    else found[found.length - 1] += letter;
  }
  return found;
}

function parseConstraint(text: string, template: string): Check {
  const match = /^(\w+)(?:\((.*)\))?$/s.exec(text);
  const make = match?.[1] === undefined ? undefined : constraints[match[1].toLowerCase()];
  if (!make) throw new Error(`route "${template}": the constraint "${text}" is unknown here`);
  return make(match?.[2] ?? "");
}

const wholeText = /^[+-]?\d+$/;
const within =
  (low: bigint, high: bigint): Check =>
  (value) =>
    wholeText.test(value) &&
    BigInt(value.replace("+", "")) >= low &&
    BigInt(value.replace("+", "")) <= high;
const lengths =
  (low: number, high: number): Check =>
  (value) =>
    value.length >= low && value.length <= high;
const pattern =
  (regex: RegExp): Check =>
  (value) =>
    regex.test(value);
const pair = (text: string): [string, string] => {
  const [low = "", high = low] = text.split(",").map((part) => part.trim());
  return [low, high];
};
const longMost = 2n ** 63n - 1n;

const constraints: Readonly<Record<string, (argument: string) => Check>> = {
  int: () => within(-(2n ** 31n), 2n ** 31n - 1n),
  long: () => within(-longMost - 1n, longMost),
  bool: () => pattern(/^(?:true|false)$/i),
  guid: () => pattern(/^(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i),
  alpha: () => pattern(/^[a-z]*$/i),
  required: () => (value) => value !== "",
  length: (text) => lengths(Number(pair(text)[0]), Number(pair(text)[1])),
  minlength: (text) => lengths(Number(text), Infinity),
  maxlength: (text) => lengths(0, Number(text)),
  min: (text) => within(BigInt(text), longMost),
  max: (text) => within(-longMost - 1n, BigInt(text)),
  range: (text) => within(BigInt(pair(text)[0]), BigInt(pair(text)[1])),
  regex: (text) => pattern(new RegExp(text.replaceAll("{{", "{").replaceAll("}}", "}"), "i")),
};

/** Segments of a path, decoded one by one, so that an encoded slash stays inside its segment; undefined when malformed. */
function decode(path: string): string[] | undefined {
  const bare = path.replace(/^\//, "").replace(/\/$/, "");
  try {
    return bare === "" ? [] : bare.split("/").map((segment) => decodeURIComponent(segment));
  } catch {
    return undefined;
  }
}

function matchSegments(
  segments: readonly Segment[],
  given: readonly string[] | undefined,
): Record<string, string> | undefined {
  if (!given) return undefined;
  const found: Record<string, string> = {};
  for (const [index, { parts }] of segments.entries()) {
    const [only] = parts;
    if (parts.length === 1 && only !== undefined && typeof only !== "string" && only.catchAll)
      return keep(only, given.slice(index).join("/"), found) ? found : undefined;
    if (!matchSegment(parts, given[index], found)) return undefined;
  }
  return given.length > segments.length ? undefined : found;
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");

function matchSegment(
  parts: Segment["parts"],
  given: string | undefined,
  found: Record<string, string>,
): boolean {
  const parameters = parts.filter((part) => typeof part !== "string");
  if (given === undefined || given === "")
    return parts.length === 1 && parameters[0]?.optional === true;
  const expression = parts
    .map((part) => (typeof part === "string" ? escaped(part) : "(.+)"))
    .join("");
  const match = new RegExp(`^${expression}$`, "is").exec(given);
  return (
    match !== null &&
    parameters.every((parameter, index) => keep(parameter, match[index + 1] ?? "", found))
  );
}

/** An empty catch-all is absent, as the platform leaves it. */
function keep(parameter: Parameter, value: string, found: Record<string, string>): boolean {
  if (value === "") return true;
  found[parameter.name] = value;
  return parameter.checks.every((check) => check(value));
}
