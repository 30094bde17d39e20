/** Holds live answers against the description that the build has made. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

export type Json = Readonly<Record<string, unknown>>;

export interface Operation extends Json {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: {
    readonly content: Readonly<
      Record<string, { readonly schema: Json; readonly example?: unknown }>
    >;
  };
  readonly responses: Readonly<Record<string, DescribedResponse>>;
  readonly security: readonly Json[];
}

interface Parameter extends Json {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
}

interface DescribedResponse {
  readonly description: string;
  readonly headers?: Json;
  readonly content?: Readonly<Record<string, { readonly schema: Json }>>;
}

export interface Document extends Json {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> };
}

export const readDocument = (name: string): Document =>
  JSON.parse(readFileSync(`dist/${name}`, "utf8")) as Document;

/** Every operation with its method and path. */
export const listOperations = ({ paths }: Pick<Document, "paths">) =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

type Validate = ((value: unknown) => boolean) & { readonly errors?: unknown };

// The validator of official schemas brings it along; we ask for nothing that it does not have
// itself.
const requireBeside = createRequire(
  createRequire(import.meta.url).resolve("@seriousme/openapi-schema-validator"),
);
const { Ajv2020 } = requireBeside("ajv/dist/2020.js") as {
  Ajv2020: new (options: object) => {
    readonly addSchema: (schema: Json) => void;
    readonly compile: (schema: Json) => Validate;
  };
};

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * The same schema that takes no field it does not name, so that an answer cannot hold more than is
 * described.
 */
function closeSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closeSchema);
  if (!isObject(schema)) return schema;
  const inner = Object.fromEntries(
    Object.entries(schema).map(([name, value]) => [name, closeSchema(value)]),
  );
  return isObject(schema["properties"]) &&
    schema["additionalProperties"] === undefined &&
    schema["type"] === "object"
    ? { ...inner, additionalProperties: false }
    : inner;
}

const $id = "https://huntline.test/description";
const validators = new WeakMap<object, InstanceType<typeof Ajv2020>>();

function findValidator({ components }: Pick<Document, "components">): InstanceType<typeof Ajv2020> {
  const existing = validators.get(components);
  if (existing) return existing;
  const validator = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  validator.addSchema({ $id, components: closeSchema(components) });
  validators.set(components, validator);
  return validator;
}

const compiled = new WeakMap<Json, Validate>();

/** What is wrong with a value, or nothing. */
export function findFaults(
  value: unknown,
  schema: Json,
  document: Pick<Document, "components">,
): unknown {
  const target = JSON.stringify(closeSchema(schema)).replaceAll(
    '"#/components',
    `"${$id}#/components`,
  );
  const validate =
    compiled.get(schema) ?? findValidator(document).compile(JSON.parse(target) as Json);
  compiled.set(schema, validate);
  return validate(value) ? undefined : validate.errors;
}

/** A caller whose every answer is held against the description; what did not fit throws. */
export function createDescribedCaller(document: Document, baseUrl: string) {
  const covered = new Set<string>();
  const operations = listOperations(document).map((each) => ({
    ...each,
    pattern: new RegExp(
      `^/api${each.path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`,
    ),
  }));

  const callOperation = async (
    address: string,
    init: RequestInit & { readonly duplex?: "half" } = {},
  ): Promise<Response> => {
    const reply = await fetch(new URL(address, `${baseUrl}/api/`), init);
    const method = (init.method ?? "GET").toLowerCase();
    const path = new URL(reply.url).pathname;
    // A path without parameters is the more particular one: the platform's own order.
    const [match] = operations
      .filter((each) => each.method === method && each.pattern.test(path))
      .toSorted((one, other) => one.path.split("{").length - other.path.split("{").length);
    if (!match) throw new Error(`${method} ${path} is not described`);
    await checkReply(reply.clone(), match.operation);
    covered.add(`${match.operation.operationId} ${reply.status}`);
    return reply;
  };

  async function checkReply(
    reply: Response,
    { operationId, responses, security }: Operation,
  ): Promise<void> {
    const what = `${operationId} ${reply.status}`;
    const text = await reply.text();
    const described = responses[String(reply.status)];
    if (!described) throw new Error(`${what} is not described: ${text.slice(0, 500)}`);
    for (const name of Object.keys(described.headers ?? {}))
      if (!reply.headers.has(name)) throw new Error(`${what} lacks the header ${name}`);
    // Without a key the platform answers in place of the function, with nothing; the function may
    // refuse by itself.
    const byPlatform = reply.status === 401 && security.length > 0 && text === "";
    if (byPlatform) return;
    if (described.content === undefined) {
      if (text !== "")
        throw new Error(`${what} has a body that is not described: ${text.slice(0, 500)}`);
      return;
    }
    const type = (reply.headers.get("content-type") ?? "").split(";")[0] ?? "";
    const media = described.content[type];
    if (!media) throw new Error(`${what} comes as ${type}, which is not described`);
    const faults = type.endsWith("json")
      ? findFaults(JSON.parse(text), media.schema, document)
      : undefined;
    if (faults !== undefined)
      throw new Error(`${what}: ${JSON.stringify(faults)} in ${text.slice(0, 2_000)}`);
  }

  return { call: callOperation, seen: covered };
}
