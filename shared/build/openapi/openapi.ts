/** Puts the description together as OpenAPI 3.1. */
import { queryNames } from "../../contracts/query-names.ts";
import { apiPrefix } from "../../http/api-description.ts";
import { problemTitles } from "../../contracts/problem.ts";
import type {
  ResponseDescription,
  OperationDescription,
  ParameterDescription,
} from "./operation.ts";
import { tags } from "./list-operations.ts";
import type { Route } from "./routes.ts";
import { createComponentSchemas, listQueryParameters, type Json } from "./schemas.ts";
import { titleOf, describeSchemas, describeQueryParameter } from "./describe-schema.ts";

/** A route with its description. */
export interface DescribedRoute extends Route {
  readonly operation: OperationDescription;
}

export interface OpenApiDocument extends Json {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> } & Json;
}

/** The same in every form of the description. */
export const createInfo = (version: string) =>
  ({
    title: "Huntline",
    version,
    description:
      "Runs hunts on a schedule and exports each row once, tells what is known of file hashes, and closes alerts by explicit id with a record of every change.",
    license: { name: "MIT", url: "https://opensource.org/license/mit" },
  }) as const;

/** @param version - of the app */
export function createOpenApi(routes: readonly DescribedRoute[], version: string): OpenApiDocument {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) (paths[route.path] ??= {})[route.method] = createOperation(route);
  return {
    openapi: "3.1.1",
    info: createInfo(version),
    servers: [{ url: apiPrefix }],
    tags,
    paths,
    components: { schemas: describeSchemas(createComponentSchemas()), securitySchemes },
  };
}

/** In Azure, a deployment with Entra requires a token in addition to the key. */
const securitySchemes = {
  functionKey: {
    type: "apiKey",
    in: "header",
    name: "x-functions-key",
    description: "A function or host key.",
  },
  functionCode: {
    type: "apiKey",
    in: "query",
    name: "code",
    description: "The same in the query, where no header can be sent.",
  },
  entraToken: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description: "Required in addition to the key when Entra is enabled.",
  },
};

const functionKeySecurity = [
  { functionKey: [] },
  { functionCode: [] },
  { functionKey: [], entraToken: [] },
];

function createOperation(route: DescribedRoute): Json {
  const { operation } = route;
  const parameters = createParameters(route);
  return {
    operationId: operation.operationId,
    summary: operation.summary,
    description: operation.description,
    tags: [operation.tag],
    security: route.requiresFunctionKey ? functionKeySecurity : [],
    "x-ms-visibility": operation.visibility,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(operation.body ? { requestBody: createRequestBody(operation.body) } : {}),
    responses: createResponses(route),
  };
}

function createParameters({ path, operation }: DescribedRoute): Json[] {
  const pathNames = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
  return [
    ...pathNames.map((name) =>
      createParameter(
        "path",
        name,
        true,
        requireDescription(operation.path?.[name], `${operation.operationId}: {${name}}`),
      ),
    ),
    ...(operation.query === undefined
      ? []
      : listQueryParameters(operation.query).map(({ name, schema, required }) =>
          createParameter("query", name, required, {
            description: describeQueryParameter(name),
            schema: describeSchemas({ one: schema })["one"] ?? {},
          }),
        )),
    ...(takesTenant(operation.operationId) ? [tenantParameter] : []),
    ...Object.entries(operation.headers ?? {}).map(([name, parameterDescription]) =>
      createParameter("header", name, false, parameterDescription),
    ),
  ];
}

/** Functions are named after their operation: `ListHunts` is `list_hunts`. */
const takesTenant = (operationId: string): boolean =>
  queryNames[operationId.replaceAll(/(?<!^)[A-Z]/g, "_$&").toLowerCase()]?.includes("tenant") ??
  false;

function requireDescription<T>(value: T | undefined, place: string): T {
  if (value === undefined) throw new Error(`${place} has no description`);
  return value;
}

const createParameter = (
  place: string,
  name: string,
  required: boolean,
  parameterDescription: ParameterDescription,
): Json => ({
  name,
  in: place,
  required,
  description: parameterDescription.description,
  "x-ms-summary": titleOf(name),
  ...parameterDescription.extensions,
  schema: parameterDescription.schema ?? { type: "string" },
  ...(parameterDescription.example === undefined ? {} : { example: parameterDescription.example }),
});

const tenantParameter = createParameter("query", "tenant", false, {
  description: "Name of a tenant of the setting TENANTS. Omit it where there is one tenant.",
  schema: { type: "string", default: "default" },
  extensions: { "x-ms-visibility": "advanced" },
});

const toSchemaRef = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

function createRequestBody({
  schema,
  required,
  example,
  also = {},
  orAnyJson,
}: NonNullable<OperationDescription["body"]>): Json {
  const otherContent = Object.entries(also).map(
    ([type, other]) => [type, { schema: other }] as const,
  );
  const json = orAnyJson
    ? { anyOf: [toSchemaRef(schema), { description: "Any JSON that holds hashes." }] }
    : toSchemaRef(schema);
  return {
    required,
    content: { "application/json": { schema: json, example }, ...Object.fromEntries(otherContent) },
  };
}

function createResponses({ operation, requiresFunctionKey }: DescribedRoute): Record<string, Json> {
  const problems = Object.entries({
    500: "Something went wrong in the app; its log has the details under the instance id.",
    503: "A setting is wrong, or what the app depends on is out of reach.",
    ...operation.problems,
  }).map(
    ([status, description]) =>
      [status, createProblemResponse(Number(status), description)] as const,
  );
  const responses = Object.entries(operation.responses).map(
    ([status, answer]) => [status, createResponse(answer)] as const,
  );
  const noKey = {
    401: {
      description: "The function key is missing or wrong. The platform answers, without a body.",
    },
  };
  return {
    ...(requiresFunctionKey ? noKey : {}),
    ...Object.fromEntries(problems),
    ...Object.fromEntries(responses),
  };
}

const headers = {
  Location: {
    description: "URL of the next request.",
    schema: { type: "string", format: "uri" },
  },
  "Operation-Location": {
    description: "URL of the operation, the same as Location.",
    schema: { type: "string", format: "uri" },
  },
  "Retry-After": {
    description: "Seconds to wait before the next request.",
    schema: { type: "integer", minimum: 1 },
  },
} as const;

const createProblemResponse = (status: number, description: string): Json => ({
  description,
  ...(status === 429 || status === 503
    ? { headers: { "Retry-After": headers["Retry-After"] } }
    : {}),
  content: {
    "application/problem+json": {
      schema: toSchemaRef("Problem"),
      example: {
        type: "about:blank",
        title: (problemTitles as Readonly<Record<number, string>>)[status],
        status,
        detail: description,
        instance: "urn:uuid:5a3b1c2d-0e4f-4a6b-8c7d-9e0f1a2b3c4d",
      },
    },
  },
});

function createResponse({
  description,
  schema,
  example,
  also = [],
  headers: headerNames = [],
  extensions = {},
}: ResponseDescription): Json {
  const json = {
    schema: { ...toSchemaRef(schema), ...extensions },
    ...(example === undefined ? {} : { example }),
  };
  return {
    description,
    ...(headerNames.length === 0
      ? {}
      : { headers: Object.fromEntries(headerNames.map((name) => [name, headers[name]])) }),
    content: {
      "application/json": json,
      ...Object.fromEntries(also.map((type) => [type, { schema: { type: "string" } }])),
    },
  };
}
