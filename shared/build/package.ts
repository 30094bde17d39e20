/**
 * `npm run package`: builds, and writes what is deployed to `dist/huntline.zip`. The same sources give the same bytes.
 * Also writes `infra/hunts.json`, the hunts that the alert rule for overdue hunts watches, and the definition of the
 * custom connector in `infra/connector`.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Catalogue } from "../contracts/compiled-hunt.ts";
import { contents } from "./package/contents.ts";
import { watchedHunts } from "./package/watched-hunts.ts";
import { zip } from "./package/zip.ts";
import "./build.ts";

const root = resolve(import.meta.dirname, "../..");
/** The platform unpacks the package at every cold start. */
const largestBytes = 1_048_576;

if (process.exitCode === undefined) {
  const catalogue = JSON.parse(
    readFileSync(join(root, "dist/catalogue.json"), "utf8"),
  ) as Catalogue;
  writeFileSync(
    join(root, "infra/hunts.json"),
    `${JSON.stringify(watchedHunts(catalogue), null, 2)}\n`,
  );
  const definition = JSON.parse(readFileSync(join(root, "dist/swagger.json"), "utf8")) as object;
  writeFileSync(
    join(root, "infra/connector/apiDefinition.swagger.json"),
    `${JSON.stringify(definition, null, 2)}\n`,
  );
  const bytes = zip(contents(root));
  writeFileSync(join(root, "dist/huntline.zip"), bytes);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  console.log(
    `dist/huntline.zip`.padEnd(24),
    `${Math.ceil(bytes.length / 1_024)} kB`.padStart(8),
    `sha256 ${sha256}`,
  );
  if (bytes.length > largestBytes) {
    console.error(
      `The package has ${bytes.length} bytes, more than ${largestBytes}: see which bundle of dist/ grew.`,
    );
    process.exitCode = 1;
  }
}
