/** The two descriptions are valid by their official schemas and a linter, and fit connectors. */
import { readFileSync } from "node:fs";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { Validator } from "@seriousme/openapi-schema-validator";
import { describe, expect, test } from "vitest";
import { describeApi } from "../../../../shared/build/openapi/describe-api.ts";
import { describedOperations } from "../../../../shared/build/openapi/list-operations.ts";
import { listHttpRoutes } from "../../../../shared/build/openapi/routes.ts";
import { queryNames } from "../../../../shared/contracts/query-names.ts";
import type { Registrations } from "../../../../shared/contracts/registrations.ts";
import {
  findFaults,
  listOperations,
  readDocument,
  type Json,
} from "../../../support/described-api.ts";

const forms = ["openapi.json", "swagger.json"] as const;
const registrations = JSON.parse(readFileSync("dist/registrations.json", "utf8")) as Registrations;
const openapi = readDocument("openapi.json");
const swagger = readDocument("swagger.json");

describe.each(forms)("%s", (name) => {
  const text = readFileSync(`dist/${name}`, "utf8");

  test("is sound by the official schema of its form", async () => {
    const validator = new Validator();
    expect(await validator.validate(JSON.parse(text) as Record<string, unknown>)).toEqual({
      valid: true,
    });
    expect(validator.version).toBe(name === "openapi.json" ? "3.1" : "2.0");
  });

  test("has no warning of the linter's recommended rules", async () => {
    // Off: `health` takes nothing from its caller and asks for nothing, so it has nothing to
    // refuse. Every other operation is held to the rule by a test below.
    const config = await createConfig({
      extends: ["recommended"],
      rules: { "operation-4xx-response": "off" },
    });
    const problems = await lintFromString({ source: text, absoluteRef: name, config });
    expect(
      problems.map(
        ({ ruleId, message, location }) => `${ruleId} ${message} ${location[0]?.pointer}`,
      ),
    ).toEqual([]);
  });

  test("describes every registered HTTP function and nothing else", () => {
    const described = listOperations(readDocument(name)).map(
      ({ method, path }) => `${method} ${path}`,
    );
    expect(described.toSorted()).toEqual(
      listHttpRoutes(registrations)
        .map(({ method, path }) => `${method} ${path}`)
        .toSorted(),
    );
    expect(described.length).toBeGreaterThan(20);
  });

  test("describes exactly the query parameters that the function accepts", () => {
    const described = listOperations(readDocument(name)).map(({ operation }) => [
      operation.operationId.replaceAll(/(?<!^)[A-Z]/g, "_$&").toLowerCase(),
      ((operation["parameters"] ?? []) as { in?: string; name: string }[])
        .filter((parameter) => parameter.in === "query")
        .map((parameter) => parameter.name)
        .toSorted(),
    ]);
    const accepted = described.map(([id = ""]) => [
      id,
      [...(queryNames[String(id)] ?? [])].toSorted(),
    ]);
    expect(described).toEqual(accepted);
  });

  test("requires a function key exactly where the function does", () => {
    const keyedOperations = listOperations(readDocument(name))
      .filter(({ operation }) => operation.security.length > 0)
      .map(({ method, path }) => `${method} ${path}`);
    expect(keyedOperations.toSorted()).toEqual(
      listHttpRoutes(registrations)
        .filter((route) => route.requiresFunctionKey)
        .map(({ method, path }) => `${method} ${path}`)
        .toSorted(),
    );
  });

  test("tells of each operation how it is refused, but of health", () => {
    const withoutRefusal = listOperations(readDocument(name)).filter(
      ({ operation }) => !Object.keys(operation.responses).some((status) => status.startsWith("4")),
    );
    expect(withoutRefusal.map(({ path }) => path)).toEqual(["/health"]);
  });

  test("holds no address and no key of anybody", () => {
    expect(text).not.toMatch(/127\.0\.0\.1|localhost|AccountKey|contoso\.onmicrosoft/);
  });
});

describe("the build", () => {
  const withExtraFunction = (name: string): Registrations => ({
    ...registrations,
    functions: [
      ...registrations.functions,
      {
        name,
        bindings: {
          in: { type: "httpTrigger", methods: ["GET"], authLevel: "function", route: name },
        },
      } as {
        name: string;
      },
    ],
  });

  test("stops at a function without a description, and names it", () => {
    expect(() => describeApi(withExtraFunction("new_function"), "1.0.0")).toThrow(
      /new_function.*list-operations\.ts/,
    );
  });

  test("stops at a description without a function, and names it", () => {
    const functions = registrations.functions.filter(({ name }) => name !== "start_overdue_hunts");
    expect(() => describeApi({ ...registrations, functions }, "1.0.0")).toThrow(
      "start_overdue_hunts",
    );
  });
});

test("an answer with a field too much, or one too few, does not fit", () => {
  const schema = { $ref: "#/components/schemas/OverdueHuntsStarted" };
  expect(findFaults({ started: [] }, schema, openapi)).toBeUndefined();
  expect(findFaults({ started: [], more: 1 }, schema, openapi)).toBeDefined();
  expect(findFaults({}, schema, openapi)).toBeDefined();
});

describe("examples", () => {
  const bodies = listOperations(openapi).flatMap(({ operation }) => {
    const { example, schema } = operation.requestBody?.content["application/json"] ?? {};
    return schema ? [[operation.operationId, schema, example] as const] : [];
  });
  const answers = listOperations(openapi).flatMap(({ operation }) =>
    Object.entries(operation.responses).flatMap(([status, { content }]) =>
      Object.values(content ?? {}).flatMap(
        ({ schema, example }: { schema: Json; example?: unknown }) =>
          example === undefined
            ? []
            : [[`${operation.operationId} ${status}`, schema, example] as const],
      ),
    ),
  );

  test.each([...bodies, ...answers])("of %s fit their schema", (_, schema, example) => {
    expect(findFaults(example, schema, openapi)).toBeUndefined();
  });
});

/**
 * Rules of the pages "Coding standards", "Connector string guidance" and "OpenAPI extensions" for
 * custom connectors.
 */
describe("the Swagger form, as connectors want it,", () => {
  const text = readFileSync("dist/swagger.json", "utf8");
  const all = listOperations(swagger);

  /** Every object in the description that is a schema's or parameter's own. */
  function* listNodes(value: unknown): Generator<Json> {
    if (Array.isArray(value)) for (const each of value) yield* listNodes(each);
    else if (typeof value === "object" && value !== null) {
      yield value as Json;
      for (const [name, each] of Object.entries(value))
        if (name !== "examples") yield* listNodes(each);
    }
  }
  const described = [...listNodes({ paths: swagger.paths, definitions: swagger["definitions"] })];

  test("is below 1 MB", () => {
    expect(Buffer.byteLength(text)).toBeLessThan(1_000_000);
  });

  test("names host, base path, https alone, and one key in a header as its first and only proof", () => {
    expect(swagger).toMatchObject({
      host: expect.stringMatching(/^[^{}/ :]+$/) as string,
      basePath: "/api",
      schemes: ["https"],
    });
    expect(swagger["securityDefinitions"]).toEqual({
      functionKey: { type: "apiKey", in: "header", name: "x-functions-key" },
    });
  });

  test("has a title of at most 30 characters and a description, neither with the word API or a product's name", () => {
    const { title, description } = swagger["info"] as { title: string; description: string };
    expect(title.length).toBeLessThanOrEqual(30);
    for (const each of [title, description])
      expect(each).not.toMatch(/\bAPI\b|Power ?(?:Apps|Automate|Platform)|Microsoft|Defender/i);
  });

  test("has unique operation ids in Pascal case", () => {
    const ids = all.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^(?:[A-Z][a-z0-9]*)+$/);
  });

  test.each(all.map(({ operation }) => [operation.operationId, operation] as const))(
    "has a short summary and a sentence for %s",
    (_, { summary, description }) => {
      expect(summary.length).toBeLessThanOrEqual(80);
      expect(summary).toMatch(/^[A-Z][^/]*[A-Za-z0-9]$/);
      expect(description).toMatch(/^[A-Z].*\.$/s);
      expect(description).not.toBe(summary);
    },
  );

  test.each(all.map(({ operation }) => [operation.operationId, operation] as const))(
    "names each parameter of %s once, with a title and a sentence",
    (_, { parameters = [] }) => {
      const names = parameters.map(({ name }) => name.toLowerCase());
      expect(new Set(names).size).toBe(names.length);
      for (const each of parameters) {
        expect(each["x-ms-summary"]).toMatch(/^[A-Z]/);
        expect(each["description"]).toMatch(/\.$/);
      }
    },
  );

  test.each(all.map(({ operation, path }) => [operation.operationId, operation, path] as const))(
    "has each parameter of the path of %s, required",
    (_, { parameters = [] }, path) => {
      const expected = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const actual = parameters
        .filter((each) => each.in === "path" && each.required === true)
        .map(({ name }) => name);
      expect(actual).toEqual(expected);
    },
  );

  test.each(all.map(({ operation }) => [operation.operationId, operation] as const))(
    "answers %s with a schema for each success, and never with `default`",
    (_, { responses }) => {
      const successes = Object.entries(responses).filter(([status]) => status.startsWith("2"));
      expect(successes.length).toBeGreaterThan(0);
      for (const [, answer] of successes) expect(answer).toHaveProperty("schema");
      expect(responses).not.toHaveProperty("default");
    },
  );

  test("has no alternatives, no null, one type for each field, no words of later forms", () => {
    for (const node of described) {
      expect(["string", "number", "integer", "boolean", "array", "object", undefined]).toContain(
        typeof node["type"] === "object" ? undefined : node["type"],
      );
      for (const laterKeyword of [
        "anyOf",
        "oneOf",
        "not",
        "const",
        "$defs",
        "nullable",
        "propertyNames",
        "examples",
        "prefixItems",
      ])
        if (!("description" in node && "schema" in node))
          expect(Object.keys(node)).not.toContain(laterKeyword);
    }
    expect(text).not.toMatch(/"type":\[|"type":"null"|components\/schemas/);
  });

  test("has a title and a sentence on every field that is no reference", () => {
    const fields = described.flatMap((node) => {
      const { properties } = node;
      return typeof properties === "object" && properties !== null && node["type"] === "object"
        ? Object.entries(properties as Record<string, Json>)
        : [];
    });
    expect(fields.length).toBeGreaterThan(100);
    const bare = fields.filter(
      ([, field]) =>
        field["$ref"] === undefined && !(field["x-ms-summary"] && field["description"]),
    );
    expect(bare.map(([name]) => name)).toEqual([]);
  });

  test("knows only the visibilities there are, and gives a default to what is hidden and required", () => {
    for (const node of described.filter((each) => each["x-ms-visibility"] !== undefined)) {
      expect(["important", "advanced", "internal"]).toContain(node["x-ms-visibility"]);
      if (node["x-ms-visibility"] === "internal" && node["required"] === true)
        expect(node).toHaveProperty("default");
    }
  });

  test("offers only operations and fields that exist where a designer asks for values or columns", () => {
    const ids = all.map(({ operation }) => operation.operationId);
    const dynamicFields = described.flatMap((node) =>
      Object.entries(node)
        .filter(([name]) => name.startsWith("x-ms-dynamic-"))
        .map(([, value]) => value as Json),
    );
    expect(dynamicFields.length).toBeGreaterThan(4);
    for (const each of dynamicFields) expect(ids).toContain(each["operationId"]);
    const list = openapi.components.schemas["HuntList"] as {
      properties: { value: { items: { $ref: string } } };
    };
    expect(list.properties.value.items.$ref).toMatch(/HuntSummary$/);
    expect(openapi.components.schemas["HuntSummary"]).toMatchObject({
      properties: { name: {}, title: {} },
    });
    expect(openapi.components.schemas["HuntRowsSchema"]).toMatchObject({
      properties: { schema: {} },
    });
  });

  test("has one polling trigger, whose answer holds one list, which a designer splits", () => {
    const triggers = all.filter(({ operation }) => operation["x-ms-trigger"] !== undefined);
    expect(
      triggers.map(({ operation }) => [operation.operationId, operation["x-ms-trigger"]]),
    ).toEqual([["WhenAHuntHasNewRows", "batch"]]);
    const { properties } = openapi.components.schemas["ExportList"] as {
      properties: Record<string, Json>;
    };
    expect(
      Object.keys(properties).filter((name) => properties[name]?.["type"] === "array"),
    ).toEqual(["value"]);
    const after = triggers[0]?.operation.parameters?.find(({ name }) => name === "after");
    expect(after).toMatchObject({
      default: "latest",
      required: true,
      "x-ms-visibility": "internal",
    });
    expect(Object.keys(describedOperations)).toContain("when_a_hunt_has_new_rows");
  });

  test("offers each choice of a lookup once: in the body where there is one, else in the query", () => {
    const listShownParameters = (id: string): string[] =>
      (all.find(({ operation }) => operation.operationId === id)?.operation.parameters ?? [])
        .filter((each) => each.in === "query" && each["x-ms-visibility"] !== "internal")
        .map(({ name }) => name);
    expect(listShownParameters("EnrichFiles")).toEqual(["where", "all", "tenant"]);
    expect(listShownParameters("EnrichFile")).toContain("lookBackHours");
  });

  test("shows the operations that flows use, and hides those of machines", () => {
    const shownOperations = all.filter(
      ({ operation }) => operation["x-ms-visibility"] === "important",
    );
    expect(shownOperations.map(({ operation }) => operation.operationId).toSorted()).toEqual([
      "CloseAlerts",
      "EnrichFile",
      "EnrichFiles",
      "GetVerdict",
      "ListHuntRows",
      "ListHunts",
      "RunHunt",
      "WhenAHuntHasNewRows",
    ]);
  });
});
