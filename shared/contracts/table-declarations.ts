/** A file of `shared/hunts/tables`: tables and functions that a tenant has beyond the published ones. */
import * as z from "zod/mini";
import { kqlTypes } from "./compiled-hunt.ts";

const columns = z.record(
  z.string(),
  z.enum(kqlTypes, `must be one of ${kqlTypes.join(", ")}`),
  "must be a mapping of column names to KQL types",
);

const declaredTable = z.strictObject(
  {
    /** Default: `Timestamp`, else `TimeGenerated`, where the table has such a column. */
    timeColumn: z.optional(z.string("must be the name of a datetime column of the table")),
    columns,
  },
  "must be a mapping with the key columns",
);

const declaredFunction = z.strictObject(
  {
    parameters: z._default(
      z.string("must be KQL parameters in parentheses, such as (name: string)"),
      "()",
    ),
    columns,
  },
  "must be a mapping with the key columns",
);

/** One file. A table that is published already gains the declared columns. */
export const tableDeclarations = z.strictObject({
  /** The product whose tables these are, for reasons and messages. */
  product: z.optional(z.string("must be the name of a product")),
  tables: z._default(
    z.record(z.string(), declaredTable, "must be a mapping of table names to tables"),
    {},
  ),
  functions: z._default(
    z.record(z.string(), declaredFunction, "must be a mapping of function names to functions"),
    {},
  ),
});

export type TableDeclarations = z.infer<typeof tableDeclarations>;
