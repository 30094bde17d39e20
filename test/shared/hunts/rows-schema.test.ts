import { expect, test } from "vitest";
import { createRowsSchema } from "../../../shared/hunts/rows-schema.ts";
import type { HuntColumn } from "../../../shared/contracts/compiled-hunt.ts";
import { testHunt } from "../../support/hunt-source.ts";

const columns: HuntColumn[] = [
  { name: "Timestamp", type: "datetime" },
  { name: "ReportId", type: "long" },
  { name: "AdditionalFields", type: "dynamic" },
];

const readFields = (
  change: Parameters<typeof testHunt>[0],
): Record<string, Record<string, unknown>> => {
  const { schema } = createRowsSchema(testHunt({ columns, ...change })) as unknown as {
    schema: {
      properties: { value: { items: { properties: Record<string, Record<string, unknown>> } } };
    };
  };
  return schema.properties.value.items.properties;
};

test("describes the hunt's columns with their JSON types", () => {
  const { Timestamp, ReportId, AdditionalFields } = readFields({ format: "ndjson" });
  expect(Timestamp).toMatchObject({ type: "string", format: "date-time", "x-nullable": true });
  expect(ReportId).toMatchObject({ type: "integer", format: "int64", "x-ms-summary": "ReportId" });
  expect(AdditionalFields).not.toHaveProperty("type");
});

test("describes a dynamic value of a CSV export as text", () => {
  expect(readFields({ format: "csv" })["AdditionalFields"]).toMatchObject({ type: "string" });
});

test("adds the statistics column of an enriched hunt", () => {
  expect(Object.keys(readFields({ enrich: "SHA1" }))).toEqual([
    ...columns.map(({ name }) => name),
    "FileStatistics",
  ]);
});
