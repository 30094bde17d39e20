/**
 * Converts the description to Swagger 2.0 for custom connectors of Logic Apps and Power Automate,
 * which accept no `null`, no alternatives, one type for each field and one security definition.
 */
import { apiPrefix } from "../../http/api-description.ts";
import { createInfo, type DescribedRoute, type OpenApiDocument } from "./openapi.ts";
import type { Json } from "./schemas.ts";

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Placeholder of the app's host: replaced in a response, and by the person who imports the file.
 */
const placeholderHost = "huntline.azurewebsites.net";

/** @param document - the result of `createOpenApi` for these routes */
export function createSwagger(document: OpenApiDocument, routes: readonly DescribedRoute[]): Json {
  const { schemas } = document.components;
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const source = document.paths[route.path]?.[route.method] ?? {};
    (paths[route.path] ??= {})[route.method] = convertOperation(source, route, schemas);
  }
  const definitions = findUsedDefinitions(paths, schemas);
  return {
    swagger: "2.0",
    info: createInfo(String((document["info"] as Json)["version"])),
    host: placeholderHost,
    basePath: apiPrefix,
    schemes: ["https"],
    consumes: ["application/json"],
    produces: ["application/json"],
    paths,
    definitions,
    securityDefinitions: { functionKey: { type: "apiKey", in: "header", name: "x-functions-key" } },
    security: [{ functionKey: [] }],
    tags: document["tags"],
    "x-ms-connector-metadata": connectorMetadata,
  };
}

/** What the certification of connectors requires: site and privacy statement of the service. */
const connectorMetadata = [
  {
    propertyName: "Website",
    propertyValue: "https://learn.microsoft.com/defender-xdr/advanced-hunting-overview",
  },
  {
    propertyName: "Privacy policy",
    propertyValue: "https://privacy.microsoft.com/privacystatement",
  },
  { propertyName: "Categories", propertyValue: "Security;IT Operations" },
];

type Schemas = Readonly<Record<string, Json>>;

function convertOperation(
  source: Json,
  { operation, requiresFunctionKey }: DescribedRoute,
  schemas: Schemas,
): Json {
  const { security: _security, requestBody, parameters = [], responses, ...rest } = source;
  const changes = operation.designer?.parameters ?? {};
  const ownParameters = (parameters as Json[]).map((each) =>
    convertParameter(each, changes[String(each["name"])] ?? {}),
  );
  const body = isObject(requestBody) ? [createBodyParameter(requestBody, schemas)] : [];
  return {
    ...rest,
    ...operation.designer?.operation,
    security: requiresFunctionKey ? [{ functionKey: [] }] : [],
    parameters: [...ownParameters, ...body],
    responses: Object.fromEntries(
      Object.entries(responses as Record<string, Json>).map(([status, each]) => [
        status,
        convertResponse(each, schemas),
      ]),
    ),
  };
}

/** In Swagger, a parameter has its schema beside its name and no example. */
function convertParameter({ schema, example: _example, ...rest }: Json, changes: Json): Json {
  const { description: _description, ...converted } = convertSchema(schema as Json, {});
  return { ...rest, ...converted, ...changes };
}

function createBodyParameter({ content, required }: Json, schemas: Schemas): Json {
  const { schema } = firstMediaType(content);
  return {
    name: "body",
    in: "body",
    required,
    "x-ms-summary": "Body",
    description: "What is asked for.",
    schema: convertSchema(schema as Json, schemas),
  };
}

const firstMediaType = (content: unknown): Json => {
  const [first] = Object.values(content as Record<string, Json>);
  return first ?? {};
};

function convertResponse({ content, headers, description }: Json, schemas: Schemas): Json {
  const convertedHeaders = isObject(headers)
    ? Object.fromEntries(
        Object.entries(headers).map(([name, head]) => [name, convertHeader(head as Json)]),
      )
    : undefined;
  if (!isObject(content)) return { description };
  const [type] = Object.keys(content);
  const { schema, example } = firstMediaType(content);
  return {
    description,
    ...(convertedHeaders ? { headers: convertedHeaders } : {}),
    schema: convertSchema(schema as Json, schemas),
    ...(example === undefined ? {} : { examples: { [type ?? ""]: example } }),
  };
}

const convertHeader = ({ schema, description }: Json): Json => ({
  description,
  ...convertSchema(schema as Json, {}),
});

/** One schema in the older words. */
function convertSchema(schema: Json, schemas: Schemas): Json {
  const alternatives = schema["anyOf"] ?? schema["oneOf"];
  if (Array.isArray(alternatives))
    return convertSchema(mergeAlternatives(schema, alternatives as Json[], schemas), schemas);
  if (typeof schema["$ref"] === "string") return convertReference(schema, schema["$ref"], schemas);
  const { const: constValue, type, additionalProperties, examples: _examples, ...rest } = schema;
  const types = Array.isArray(type) ? (type as string[]) : [type];
  const [knownType] = types.filter((each) => each !== undefined && each !== "null");
  const result: Record<string, unknown> = {
    ...(knownType === undefined ? {} : { type: knownType }),
    ...rest,
    ...(types.includes("null") ? { "x-nullable": true } : {}),
    ...(constValue === undefined ? {} : { enum: [constValue] }),
    ...(isObject(additionalProperties)
      ? { additionalProperties: convertSchema(additionalProperties, schemas) }
      : {}),
  };
  if (isObject(result["items"])) result["items"] = convertSchema(result["items"], schemas);
  if (isObject(result["properties"]))
    result["properties"] = Object.fromEntries(
      Object.entries(result["properties"]).map(([name, each]) => [
        name,
        convertSchema(each as Json, schemas),
      ]),
    );
  return result;
}

/** Keeps a reference alone; beside a designer's extension, the schema itself takes its place. */
function convertReference(schema: Json, target: string, schemas: Schemas): Json {
  const name = target.split("/").at(-1) ?? "";
  const dynamicFields = Object.entries(schema).filter(([key]) => key.startsWith("x-ms-dynamic"));
  if (dynamicFields.length === 0) return { $ref: `#/definitions/${name}` };
  return { ...convertSchema(schemas[name] ?? {}, schemas), ...Object.fromEntries(dynamicFields) };
}

/**
 * Alternatives as one schema: null is a mark, objects have the fields of all, of others the first
 * is taken.
 */
function mergeAlternatives(
  { anyOf: _anyOf, oneOf: _oneOf, ...rest }: Json,
  all: readonly Json[],
  schemas: Schemas,
): Json {
  const real = all.filter(({ type }) => type !== "null");
  const nullable = real.length < all.length ? { "x-nullable": true } : {};
  const [first = {}, ...others] = real;
  const resolved = real.map((each) => resolveReference(each, schemas));
  const isMergeable = others.length > 0 && resolved.every(({ properties }) => isObject(properties));
  return { ...(isMergeable ? mergeObjects(resolved) : first), ...rest, ...nullable };
}

const resolveReference = (schema: Json, schemas: Schemas): Json =>
  typeof schema["$ref"] === "string"
    ? (schemas[schema["$ref"].split("/").at(-1) ?? ""] ?? {})
    : schema;

function mergeObjects(objects: readonly Json[]): Json {
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
function findUsedDefinitions(paths: unknown, schemas: Schemas): Record<string, Json> {
  const definitions = new Map<string, Json>();
  const pending: unknown[] = [paths];
  for (let current = pending.pop(); current !== undefined; current = pending.pop())
    for (const [, name = ""] of JSON.stringify(current).matchAll(/"#\/definitions\/(\w+)"/g)) {
      if (definitions.has(name)) continue;
      const definition = convertSchema(schemas[name] ?? {}, schemas);
      definitions.set(name, definition);
      pending.push(definition);
    }
  return Object.fromEntries([...definitions].toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
