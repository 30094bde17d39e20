/**
 * Tables that Microsoft renamed, with the columns that were renamed in them. Queries under the old
 * names are common in public collections; the service refuses them.
 */

export interface RenamedTable {
  readonly name: string;
  /** Old column name to new column name. */
  readonly columns: Readonly<Record<string, string>>;
}

/**
 * Old table name to its successor. Renamed on 2025-12-09 (Microsoft Learn, the tables' own pages).
 */
export const renamedTables: ReadonlyMap<string, RenamedTable> = new Map([
  [
    "AADSignInEventsBeta",
    { name: "EntraIdSignInEvents", columns: { AadDeviceId: "EntraIdDeviceId" } },
  ],
  [
    "AADSpnSignInEventsBeta",
    { name: "EntraIdSpnSignInEvents", columns: { AadDeviceId: "EntraIdDeviceId" } },
  ],
]);
