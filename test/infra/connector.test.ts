/** Checks the connector's folder: definition, properties and icon, as Power Platform requires. */
import { readdirSync, readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import {
  listOperations,
  readDocument,
  type Document,
  type Json,
} from "../support/described-api.ts";

const folder = "infra/connector";
const readJsonFile = (name: string): Json =>
  JSON.parse(readFileSync(`${folder}/${name}`, "utf8")) as Json;
const definition = readJsonFile("apiDefinition.swagger.json") as Document;
const { properties } = readJsonFile("apiProperties.json") as {
  properties: Record<string, unknown>;
};

test("the folder has the three files of a connector, the drawing and a README", () => {
  expect(readdirSync(folder).toSorted()).toEqual([
    "README.md",
    "apiDefinition.swagger.json",
    "apiProperties.json",
    "icon.png",
    "icon.svg",
  ]);
});

test("the definition equals the built one; if not, run `npm run package`", () => {
  expect(definition).toEqual(readDocument("swagger.json"));
});

test("the definition has the metadata that certification requires", () => {
  const metadata = definition["x-ms-connector-metadata"] as {
    propertyName: string;
    propertyValue: string;
  }[];
  expect(metadata.map(({ propertyName }) => propertyName)).toEqual([
    "Website",
    "Privacy policy",
    "Categories",
  ]);
  // The list of the connector schema.
  const categories = ["Security", "IT Operations", "Data", "Productivity"];
  expect(categories).toEqual(expect.arrayContaining(metadata[2]?.propertyValue.split(";") ?? []));
  expect(properties).toMatchObject({ publisher: "Huntline", stackOwner: "Microsoft" });
});

describe("the properties", () => {
  test("define the key as a secret with the name that an apiKey requires", () => {
    const { api_key: key, ...others } = properties["connectionParameters"] as Record<string, Json>;
    expect(others).toEqual({});
    expect(key).toMatchObject({
      type: "securestring",
      uiDefinition: { constraints: { clearText: false, required: "true" } },
    });
  });

  test("name only policies for operations, parameters and fields that exist", () => {
    const [policy, ...others] = properties["policyTemplateInstances"] as {
      templateId: string;
      parameters: Json;
    }[];
    expect([policy?.templateId, others]).toEqual(["pollingtrigger", []]);
    const [operationId = ""] = (policy?.parameters["x-ms-apimTemplate-operationName"] ??
      []) as string[];
    const operation = listOperations(definition).find(
      ({ operation }) => operation.operationId === operationId,
    )?.operation;
    const query = Object.entries(
      (policy?.parameters["x-ms-apimTemplateParameter.triggerConfig"] ?? {}) as Record<
        string,
        string
      >,
    );
    expect(operation?.parameters?.map(({ name }) => name)).toEqual(
      expect.arrayContaining(query.map(([name]) => name)),
    );
    const list =
      (definition["definitions"] as Record<string, { properties: Json }>)["ExportList"]
        ?.properties ?? {};
    const expressions = [
      ...query.map(([, value]) => value),
      String(policy?.parameters["x-ms-apimTemplateParameter.triggerDataPath"]),
    ];
    const fields = expressions.map((each) => /triggerBody\(\)\.(\w+)/.exec(each)?.[1] ?? "");
    expect(Object.keys(list)).toEqual(expect.arrayContaining(fields));
  });
});

describe("the icon", () => {
  const png = readFileSync(`${folder}/icon.png`);
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];

  /** Decodes 8-bit colors in rows without a filter, as the icon has them. */
  function readPixel(x: number, y: number): string {
    const parts: Buffer[] = [];
    for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at))
      if (png.toString("latin1", at + 4, at + 8) === "IDAT")
        parts.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
    const rows = inflateSync(Buffer.concat(parts));
    const row = y * (1 + width * 3);
    expect(rows[row]).toBe(0);
    return `#${rows.toString("hex", row + 1 + x * 3, row + 4 + x * 3)}`;
  }

  test("is a square PNG of 100 to 230 pixels without transparency, below 1 MB", () => {
    expect(png.subarray(0, 8).toString("hex")).toBe("89504e470d0a1a0a");
    expect(width).toBe(height);
    expect(width).toBeGreaterThanOrEqual(100);
    expect(width).toBeLessThanOrEqual(230);
    expect([png[24], png[25]]).toEqual([8, 2]);
    expect(png.length).toBeLessThan(1_000_000);
  });

  test("has the brand color, which is neither white nor Power Platform's default", () => {
    const brand = String(properties["iconBrandColor"]);
    expect(brand).toMatch(/^#[0-9a-f]{6}$/);
    expect(["#007ee5", "#ffffff"]).not.toContain(brand);
    const corners = [
      readPixel(0, 0),
      readPixel(width - 1, 0),
      readPixel(0, height - 1),
      readPixel(width - 1, height - 1),
    ];
    expect(new Set(corners)).toEqual(new Set([brand]));
    expect(readPixel(width / 2, height / 2)).not.toBe(brand);
    expect(readFileSync(`${folder}/icon.svg`, "utf8")).toContain(`fill="${brand}"`);
  });

  test("leaves 15 % of its width free on every side", () => {
    const margin = Math.floor(width * 0.15);
    const brand = String(properties["iconBrandColor"]);
    for (let at = 0; at < width; at += 4)
      for (const edge of [0, margin, width - 1 - margin])
        expect([readPixel(at, edge), readPixel(edge, at)]).toEqual([brand, brand]);
  });
});
