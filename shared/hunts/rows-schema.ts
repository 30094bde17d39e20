/** The JSON Schema of a hunt's rows as `…/exports/{seq}/rows` answers them, so that a designer offers the hunt's real columns. */
import type { CompiledHunt, HuntColumn, KqlType } from "../contracts/compiled-hunt.ts";
import type { RowsSchemaAnswer } from "../contracts/hunt-answers.ts";
import { addStatisticsColumn } from "./log/enrich-rows.ts";

type JsonType = Readonly<Record<string, string>>;

const textType: JsonType = { type: "string" };

/** What a value of each KQL type is in JSON; `dynamic` may be anything. */
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

/** Words of a schema that Swagger 2.0 has, too: `x-nullable` because any value may be null. */
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
        rows: { type: "array", "x-ms-summary": "Rows", items: { type: "object", properties } },
      },
      required: ["seq", "rows"],
    },
  };
}

/** In a CSV file dynamic values are text. */
const toColumnSchema = ({ name, type }: HuntColumn, format: CompiledHunt["format"]): object => ({
  ...(format === "csv" && type === "dynamic" ? textType : jsonTypes[type]),
  "x-ms-summary": name,
  "x-nullable": true,
});
