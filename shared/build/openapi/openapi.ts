/** Puts the description together as OpenAPI 3.1. */
import { apiPrefix } from "../../http/api-description.ts";
import { problemTitles } from "../../http/problem.ts";
import type { Answer, DoorDescription, ParameterWords } from "./operation.ts";
import { tags } from "./list-operations.ts";
import type { Route } from "./routes.ts";
import { componentSchemas, queryParameters, type Json } from "./schemas.ts";
import { titleOf, withWords, wordsOf } from "./describe-schema.ts";

/** A route with its description. */
export interface DescribedRoute extends Route {
  readonly door: DoorDescription;
}

export interface OpenApiDocument extends Json {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> } & Json;
}

/** The same in every form of the description. */
export const info = (version: string) =>
  ({
    title: "Huntline",
    version,
    description:
      "Runs hunts on a schedule and exports each row once, tells what is known of file hashes, and closes alerts by explicit id with a record of every change.",
    license: { name: "MIT", url: "https://opensource.org/license/mit" },
  }) as const;

/** @param version - of the app */
export function openApi(routes: readonly DescribedRoute[], version: string): OpenApiDocument {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) (paths[route.path] ??= {})[route.method] = operation(route);
  return {
    openapi: "3.1.1",
    info: info(version),
    servers: [{ url: apiPrefix }],
    tags,
    paths,
    components: { schemas: withWords(componentSchemas()), securitySchemes },
  };
}

/** In Azure, a token besides the key is asked for where the deployment turned Entra on. */
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
    description: "Where Entra is on: besides the key.",
  },
};

const keyed = [{ functionKey: [] }, { functionCode: [] }, { functionKey: [], entraToken: [] }];

function operation(route: DescribedRoute): Json {
  const { door } = route;
  const parameters = parametersOf(route);
  return {
    operationId: door.operationId,
    summary: door.summary,
    description: door.description,
    tags: [door.tag],
    security: route.keyed ? keyed : [],
    "x-ms-visibility": door.visibility,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(door.body ? { requestBody: bodyOf(door.body) } : {}),
    responses: responsesOf(route),
  };
}

function parametersOf({ path, door }: DescribedRoute): Json[] {
  const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
  return [
    ...named.map((name) =>
      parameter("path", name, true, needed(door.path?.[name], `${door.operationId}: {${name}}`)),
    ),
    ...(door.query === undefined
      ? []
      : queryParameters(door.query).map(({ name, schema, required }) =>
          parameter("query", name, required, {
            description: wordsOf(name),
            schema: withWords({ one: schema })["one"] ?? {},
          }),
        )),
    ...Object.entries(door.headers ?? {}).map(([name, words]) =>
      parameter("header", name, false, words),
    ),
  ];
}

function needed<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`${what} has no description`);
  return value;
}

const parameter = (
  place: string,
  name: string,
  required: boolean,
  words: ParameterWords,
): Json => ({
  name,
  in: place,
  required,
  description: words.description,
  "x-ms-summary": titleOf(name),
  ...words.extensions,
  schema: words.schema ?? { type: "string" },
  ...(words.example === undefined ? {} : { example: words.example }),
});

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

function bodyOf({
  schema,
  required,
  example,
  also = {},
  orAnyJson,
}: NonNullable<DoorDescription["body"]>): Json {
  const others = Object.entries(also).map(([type, other]) => [type, { schema: other }] as const);
  const json = orAnyJson
    ? { anyOf: [ref(schema), { description: "Any JSON that holds hashes." }] }
    : ref(schema);
  return {
    required,
    content: { "application/json": { schema: json, example }, ...Object.fromEntries(others) },
  };
}

function responsesOf({ door, keyed }: DescribedRoute): Record<string, Json> {
  const refusals = Object.entries({
    500: "Something went wrong in the app; its log has the details under the instance id.",
    503: "A setting is wrong, or what the app depends on is out of reach.",
    ...door.refusals,
  }).map(([status, description]) => [status, refusal(Number(status), description)] as const);
  const answers = Object.entries(door.answers).map(
    ([status, answer]) => [status, answerOf(answer)] as const,
  );
  const noKey = {
    401: {
      description: "The function key is missing or wrong. The platform answers, without a body.",
    },
  };
  return {
    ...(keyed ? noKey : {}),
    ...Object.fromEntries(refusals),
    ...Object.fromEntries(answers),
  };
}

const headers = {
  Location: {
    description: "Absolute address to ask next.",
    schema: { type: "string", format: "uri" },
  },
  "Retry-After": {
    description: "Seconds to wait before that.",
    schema: { type: "integer", minimum: 1 },
  },
} as const;

const refusal = (status: number, description: string): Json => ({
  description,
  ...(status === 429 || status === 503
    ? { headers: { "Retry-After": headers["Retry-After"] } }
    : {}),
  content: {
    "application/problem+json": {
      schema: ref("Problem"),
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

function answerOf({
  description,
  schema,
  example,
  also = [],
  headers: given = [],
  extensions = {},
}: Answer): Json {
  const json = {
    schema: { ...ref(schema), ...extensions },
    ...(example === undefined ? {} : { example }),
  };
  return {
    description,
    ...(given.length === 0
      ? {}
      : { headers: Object.fromEntries(given.map((name) => [name, headers[name]])) }),
    content: {
      "application/json": json,
      ...Object.fromEntries(also.map((type) => [type, { schema: { type: "string" } }])),
    },
  };
}
