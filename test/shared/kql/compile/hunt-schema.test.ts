import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { huntDefinition } from "../../../../shared/contracts/hunt-definition.ts";
import { formatHuntSchema } from "../../../../shared/kql/compile/hunt-schema.ts";

const huntsFolder = join(import.meta.dirname, "../../../../shared/hunts");

describe("the JSON schema of hunt files", () => {
  const written = readFileSync(join(huntsFolder, "hunt.schema.json"), "utf8");

  test("equals what npm run hunts -- schema writes", () => {
    expect(JSON.parse(written)).toEqual(JSON.parse(formatHuntSchema()));
  });

  test("describes every key of Huntline", () => {
    const { properties } = JSON.parse(written) as {
      properties: Record<string, { description?: string }>;
    };
    const undescribed = Object.keys(huntDefinition.shape).filter(
      (key) => properties[key]?.description === undefined,
    );
    expect(undescribed).toEqual([]);
  });

  test("is referenced by the first line of each hunt of the catalog", () => {
    const catalog = join(huntsFolder, "catalog");
    for (const file of readdirSync(catalog).filter((name) => name.endsWith(".yaml")))
      expect(readFileSync(join(catalog, file), "utf8").split("\n")[0], file).toBe(
        "# yaml-language-server: $schema=../hunt.schema.json",
      );
  });
});
