/**
 * `npm run package`: builds and writes `dist/huntline.zip`, which is deployed. The same sources
 * give the same bytes. It also writes `infra/hunts.json`, the hunts that the alert for overdue
 * hunts watches, and the definition of the custom connector in `infra/connector`.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Catalog } from "../contracts/compiled-hunt.ts";
import { readPackageContents } from "./package/contents.ts";
import { listWatchedHunts } from "./package/watched-hunts.ts";
import { createZip } from "./package/zip.ts";
import "./build.ts";

const root = resolve(import.meta.dirname, "../..");
/** The platform unpacks the package at every cold start. */
const maxPackageBytes = 1_048_576;

if (process.exitCode === undefined) {
  const catalog = JSON.parse(readFileSync(join(root, "dist/catalog.json"), "utf8")) as Catalog;
  writeFileSync(
    join(root, "infra/hunts.json"),
    `${JSON.stringify(listWatchedHunts(catalog), null, 2)}\n`,
  );
  const definition = JSON.parse(readFileSync(join(root, "dist/swagger.json"), "utf8")) as object;
  writeFileSync(
    join(root, "infra/connector/apiDefinition.swagger.json"),
    `${JSON.stringify(definition, null, 2)}\n`,
  );
  const bytes = createZip(readPackageContents(root));
  writeFileSync(join(root, "dist/huntline.zip"), bytes);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  console.log(
    `dist/huntline.zip`.padEnd(24),
    `${Math.ceil(bytes.length / 1_024)} kB`.padStart(8),
    `sha256 ${sha256}`,
  );
  if (bytes.length > maxPackageBytes) {
    console.error(
      `The package must have at most ${maxPackageBytes} bytes; it has ${bytes.length}.`,
    );
    process.exitCode = 1;
  }
}
