/**
 * The same description as Swagger 2.0, as custom connectors of Logic Apps and Power Automate want it: no `null`, no
 * alternatives, one type for each field, one security definition.
 */
import { apiPrefix } from "../../http/api-description.ts";
import { info, type DescribedRoute, type OpenApiDocument } from "./openapi.ts";
import type { Json } from "./schemas.ts";

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Stands for the app's own address, which the door fills in and a person importing the file puts here. */
export const placeholderHost = "huntline.azurewebsites.net";

/** @param document - what `openApi` made of these routes */
export function swagger(document: OpenApiDocument, routes: readonly DescribedRoute[]): Json {
  const { schemas } = document.components;
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const source = document.paths[route.path]?.[route.method] ?? {};
    (paths[route.path] ??= {})[route.method] = operation(source, route, schemas);
  }
  const used = usedDefinitions(paths, schemas);
  return {
    swagger: "2.0",
    info: info(String((document["info"] as Json)["version"])),
    host: placeholderHost,
    basePath: apiPrefix,
    schemes: ["https"],
    consumes: ["application/json"],
    produces: ["application/json"],
    paths,
    definitions: used,
    securityDefinitions: { functionKey: { type: "apiKey", in: "header", name: "x-functions-key" } },
    security: [{ functionKey: [] }],
    tags: document["tags"],
  };
}

type Schemas = Readonly<Record<string, Json>>;

function operation(source: Json, { door, keyed }: DescribedRoute, schemas: Schemas): Json {
  const { security: _security, requestBody, parameters = [], responses, ...rest } = source;
  const changes = door.designer?.parameters ?? {};
  const own = (parameters as Json[]).map((each) =>
    parameter(each, changes[String(each["name"])] ?? {}),
  );
  const body = isObject(requestBody) ? [bodyParameter(requestBody, schemas)] : [];
  return {
    ...rest,
    ...door.designer?.operation,
    security: keyed ? [{ functionKey: [] }] : [],
    parameters: [...own, ...body],
    responses: Object.fromEntries(
      Object.entries(responses as Record<string, Json>).map(([status, each]) => [
        status,
        response(each, schemas),
      ]),
    ),
  };
}

/** A parameter's schema stands beside its name here, and examples are not known. */
function parameter({ schema, example: _example, ...rest }: Json, changes: Json): Json {
  const { description: _description, ...plain } = old(schema as Json, {});
  return { ...rest, ...plain, ...changes };
}

function bodyParameter({ content, required }: Json, schemas: Schemas): Json {
  const { schema } = jsonOf(content);
  return {
    name: "body",
    in: "body",
    required,
    "x-ms-summary": "Body",
    description: "What is asked for.",
    schema: old(schema as Json, schemas),
  };
}

const jsonOf = (content: unknown): Json => {
  const [first] = Object.values(content as Record<string, Json>);
  return first ?? {};
};

function response({ content, headers, description }: Json, schemas: Schemas): Json {
  const heads = isObject(headers)
    ? Object.fromEntries(
        Object.entries(headers).map(([name, head]) => [name, header(head as Json)]),
      )
    : undefined;
  if (!isObject(content)) return { description };
  const [type] = Object.keys(content);
  const { schema, example } = jsonOf(content);
  return {
    description,
    ...(heads ? { headers: heads } : {}),
    schema: old(schema as Json, schemas),
    ...(example === undefined ? {} : { examples: { [type ?? ""]: example } }),
  };
}

const header = ({ schema, description }: Json): Json => ({
  description,
  ...old(schema as Json, {}),
});

/** One schema in the older words. */
function old(schema: Json, schemas: Schemas): Json {
  const alternatives = schema["anyOf"] ?? schema["oneOf"];
  if (Array.isArray(alternatives))
    return old(single(schema, alternatives as Json[], schemas), schemas);
  if (typeof schema["$ref"] === "string") return reference(schema, schema["$ref"], schemas);
  const { const: only, type, additionalProperties, examples: _examples, ...rest } = schema;
  const types = Array.isArray(type) ? (type as string[]) : [type];
  const [known] = types.filter((each) => each !== undefined && each !== "null");
  const made: Record<string, unknown> = {
    ...(known === undefined ? {} : { type: known }),
    ...rest,
    ...(types.includes("null") ? { "x-nullable": true } : {}),
    ...(only === undefined ? {} : { enum: [only] }),
    ...(isObject(additionalProperties)
      ? { additionalProperties: old(additionalProperties, schemas) }
      : {}),
  };
  if (isObject(made["items"])) made["items"] = old(made["items"], schemas);
  if (isObject(made["properties"]))
    made["properties"] = Object.fromEntries(
      Object.entries(made["properties"]).map(([name, each]) => [name, old(each as Json, schemas)]),
    );
  return made;
}

/** A reference stands alone, unless a designer's word stands beside it: then the schema itself stands there. */
function reference(schema: Json, target: string, schemas: Schemas): Json {
  const name = target.split("/").at(-1) ?? "";
  const dynamic = Object.entries(schema).filter(([key]) => key.startsWith("x-ms-dynamic"));
  if (dynamic.length === 0) return { $ref: `#/definitions/${name}` };
  return { ...old(schemas[name] ?? {}, schemas), ...Object.fromEntries(dynamic) };
}

/** Alternatives as one schema: null is a mark, objects have the fields of all, of others the first is taken. */
function single(
  { anyOf: _anyOf, oneOf: _oneOf, ...rest }: Json,
  all: readonly Json[],
  schemas: Schemas,
): Json {
  const real = all.filter(({ type }) => type !== "null");
  const nullable = real.length < all.length ? { "x-nullable": true } : {};
  const [first = {}, ...others] = real;
  const resolved = real.map((each) => resolve(each, schemas));
  const merges = others.length > 0 && resolved.every(({ properties }) => isObject(properties));
  return { ...(merges ? merged(resolved) : first), ...rest, ...nullable };
}

const resolve = (schema: Json, schemas: Schemas): Json =>
  typeof schema["$ref"] === "string"
    ? (schemas[schema["$ref"].split("/").at(-1) ?? ""] ?? {})
    : schema;

function merged(objects: readonly Json[]): Json {
  const required = objects.map((each) => (each["required"] ?? []) as string[]);
  const inAll = (required[0] ?? []).filter((name) =>
    required.every((names) => names.includes(name)),
  );
  return {
    type: "object",
    properties: Object.assign(
      {},
      ...objects.toReversed().map(({ properties }) => properties as Json),
    ) as Json,
    ...(inAll.length > 0 ? { required: inAll } : {}),
  };
}

/** The definitions that the paths lead to, by name. */
function usedDefinitions(paths: unknown, schemas: Schemas): Record<string, Json> {
  const made = new Map<string, Json>();
  const open: unknown[] = [paths];
  for (let at = open.pop(); at !== undefined; at = open.pop())
    for (const [, name = ""] of JSON.stringify(at).matchAll(/"#\/definitions\/(\w+)"/g)) {
      if (made.has(name)) continue;
      const definition = old(schemas[name] ?? {}, schemas);
      made.set(name, definition);
      open.push(definition);
    }
  return Object.fromEntries([...made].toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
