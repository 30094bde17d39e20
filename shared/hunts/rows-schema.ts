/**
 * Describes a hunt's rows as `…/exports/{seq}/rows` returns them: a workflow designer offers the
 * hunt's columns.
 */
import type { CompiledHunt, HuntColumn, KqlType } from "../contracts/compiled-hunt.ts";
import type { RowsSchemaAnswer } from "../contracts/hunt-answers.ts";
import { addStatisticsColumn } from "./log/enrich-rows.ts";

type JsonType = Readonly<Record<string, string>>;

const textType: JsonType = { type: "string" };

/** JSON Schema of each KQL type; `dynamic` may be any value. */
const jsonTypes: Readonly<Record<KqlType, JsonType>> = {
  string: textType,
  long: { type: "integer", format: "int64" },
  int: { type: "integer", format: "int32" },
  real: { type: "number", format: "double" },
  bool: { type: "boolean" },
  datetime: { type: "string", format: "date-time" },
  timespan: textType,
  guid: { type: "string", format: "uuid" },
  decimal: { type: "number" },
  dynamic: {},
};

/**
 * Creates the schema with keywords that Swagger 2.0 knows: `x-nullable` because any value may be
 * null.
 */
export function createRowsSchema(hunt: CompiledHunt): RowsSchemaAnswer {
  const columns = addStatisticsColumn(hunt, hunt.columns);
  const properties = Object.fromEntries(
    columns.map((column) => [column.name, toColumnSchema(column, hunt.format)]),
  );
  return {
    schema: {
      type: "object",
      properties: {
        seq: { type: "integer", format: "int64", "x-ms-summary": "Sequence number" },
        value: { type: "array", "x-ms-summary": "Rows", items: { type: "object", properties } },
        nextLink: { type: "string", "x-nullable": true, "x-ms-visibility": "internal" },
      },
      required: ["seq", "value", "nextLink"],
    },
  };
}

/** In a CSV export, dynamic values are text. */
const toColumnSchema = ({ name, type }: HuntColumn, format: CompiledHunt["format"]): object => ({
  ...(format === "csv" && type === "dynamic" ? textType : jsonTypes[type]),
  "x-ms-summary": name,
  "x-nullable": true,
});
