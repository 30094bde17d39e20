/**
 * Route templates as ASP.NET Core reads them: literals in any case, parameters with constraints,
 * optional, catch-all.
 */

/**
 * Tells whether a path (without query, with its leading slash) matches, and with which parameters.
 */
export type Route = (path: string) => Record<string, string> | undefined;

type Check = (value: string) => boolean;

interface Segment {
  /** Literal texts and parameters, alternating as written. */
  readonly parts: readonly (string | Parameter)[];
}

interface Parameter {
  readonly name: string;
  readonly isOptional: boolean;
  readonly isCatchAll: boolean;
  readonly checks: readonly Check[];
}

/**
 * @param template - such as `api/files/{sha1:length(40)}/{page:int?}`; braces inside a regex are
 *   doubled
 * @throws Error naming what is wrong in the template
 */
export function compileRoute(template: string): Route {
  const segments = splitTemplate(template).map((text) => parseSegment(text, template));
  segments.slice(0, -1).forEach((segment) => {
    if (
      segment.parts.some((part) => typeof part !== "string" && (part.isCatchAll || part.isOptional))
    )
      throw new Error(`route "${template}": an optional or catch-all parameter must come last`);
  });
  return (path) => matchSegments(segments, decodePath(path));
}

/** Splits at slashes outside of braces. */
function splitTemplate(template: string): string[] {
  const segments: string[] = [];
  let depth = 0;
  let text = "";
  for (const letter of template.replaceAll(/^\/+|\/+$/g, "")) {
    if (letter === "{") depth += 1;
    if (letter === "}") depth -= 1;
    if (letter === "/" && depth === 0) {
      segments.push(text);
      text = "";
    } else text += letter;
  }
  if (depth !== 0) throw new Error(`route "${template}": a brace has no partner`);
  return text === "" && segments.length === 0 ? [] : [...segments, text];
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
  const isOptional = bare.endsWith("?");
  const [name = "", ...constraints] = splitConstraints(isOptional ? bare.slice(0, -1) : bare);
  if (!/^\w+$/.test(name))
    throw new Error(`route "${template}": "{${text}}" has no sound parameter name`);
  const checks = constraints.map((constraint) => parseConstraint(constraint, template));
  return { name, isOptional, isCatchAll: stars > 0, checks };
}

/** Splits at colons outside of parentheses. */
function splitConstraints(text: string): string[] {
  const parts = [""];
  let depth = 0;
  for (const letter of text) {
    if (letter === "(") depth += 1;
    if (letter === ")") depth -= 1;
    if (letter === ":" && depth === 0) parts.push("");
    else parts[parts.length - 1] += letter;
  }
  return parts;
}

function parseConstraint(text: string, template: string): Check {
  const match = /^(\w+)(?:\((.*)\))?$/s.exec(text);
  const createCheck = match?.[1] === undefined ? undefined : constraints[match[1].toLowerCase()];
  if (!createCheck)
    throw new Error(`route "${template}": the constraint "${text}" is unknown here`);
  return createCheck(match?.[2] ?? "");
}

const wholeText = /^[+-]?\d+$/;
const createRangeCheck =
  (low: bigint, high: bigint): Check =>
  (value) =>
    wholeText.test(value) &&
    BigInt(value.replace("+", "")) >= low &&
    BigInt(value.replace("+", "")) <= high;
const createLengthCheck =
  (low: number, high: number): Check =>
  (value) =>
    value.length >= low && value.length <= high;
const createPatternCheck =
  (regex: RegExp): Check =>
  (value) =>
    regex.test(value);
const parsePair = (text: string): [string, string] => {
  const [low = "", high = low] = text.split(",").map((part) => part.trim());
  return [low, high];
};
const maxLong = 2n ** 63n - 1n;

const constraints: Readonly<Record<string, (argument: string) => Check>> = {
  int: () => createRangeCheck(-(2n ** 31n), 2n ** 31n - 1n),
  long: () => createRangeCheck(-maxLong - 1n, maxLong),
  bool: () => createPatternCheck(/^(?:true|false)$/i),
  guid: () => createPatternCheck(/^(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i),
  alpha: () => createPatternCheck(/^[a-z]*$/i),
  required: () => (value) => value !== "",
  length: (text) => createLengthCheck(Number(parsePair(text)[0]), Number(parsePair(text)[1])),
  minlength: (text) => createLengthCheck(Number(text), Infinity),
  maxlength: (text) => createLengthCheck(0, Number(text)),
  min: (text) => createRangeCheck(BigInt(text), maxLong),
  max: (text) => createRangeCheck(-maxLong - 1n, BigInt(text)),
  range: (text) => createRangeCheck(BigInt(parsePair(text)[0]), BigInt(parsePair(text)[1])),
  regex: (text) =>
    createPatternCheck(new RegExp(text.replaceAll("{{", "{").replaceAll("}}", "}"), "i")),
};

/**
 * Segments of a path, decoded one by one, so that an encoded slash stays inside its segment;
 * undefined when malformed.
 */
function decodePath(path: string): string[] | undefined {
  const bare = path.replace(/^\//, "").replace(/\/$/, "");
  try {
    return bare === "" ? [] : bare.split("/").map((segment) => decodeURIComponent(segment));
  } catch {
    return undefined;
  }
}

function matchSegments(
  segments: readonly Segment[],
  values: readonly string[] | undefined,
): Record<string, string> | undefined {
  if (!values) return undefined;
  const params: Record<string, string> = {};
  for (const [index, { parts }] of segments.entries()) {
    const [only] = parts;
    if (parts.length === 1 && only !== undefined && typeof only !== "string" && only.isCatchAll)
      return storeParameter(only, values.slice(index).join("/"), params) ? params : undefined;
    if (!matchSegment(parts, values[index], params)) return undefined;
  }
  return values.length > segments.length ? undefined : params;
}

const escapeRegex = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");

function matchSegment(
  parts: Segment["parts"],
  value: string | undefined,
  params: Record<string, string>,
): boolean {
  const parameters = parts.filter((part) => typeof part !== "string");
  if (value === undefined || value === "")
    return parts.length === 1 && parameters[0]?.isOptional === true;
  const expression = parts
    .map((part) => (typeof part === "string" ? escapeRegex(part) : "(.+)"))
    .join("");
  const match = new RegExp(`^${expression}$`, "is").exec(value);
  return (
    match !== null &&
    parameters.every((parameter, index) =>
      storeParameter(parameter, match[index + 1] ?? "", params),
    )
  );
}

/** An empty catch-all is absent, as the platform leaves it. */
function storeParameter(
  parameter: Parameter,
  value: string,
  params: Record<string, string>,
): boolean {
  if (value === "") return true;
  params[parameter.name] = value;
  return parameter.checks.every((check) => check(value));
}
