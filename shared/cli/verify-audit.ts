/**
 * `npm run verify-audit`: checks the whole audit chain and names the first bad record.
 * Needs the app's settings for the data storage and the vault, from the environment or local.settings.json.
 */
import { readAnchorSeq, verifyAudit } from "../audit/audit-log.ts";
import { services } from "../app/services.ts";
import { loadLocalSettings } from "./local-settings.ts";

loadLocalSettings();
const store = await services.records();
const key = await (await services.vault()).getSecret("audit-key");
const formerKeys = (process.env["FORMER_AUDIT_KEYS"] ?? "")
  .split(",")
  .filter((text) => text !== "");
const { validCount, head, firstBad } = await verifyAudit(
  store,
  [key, ...formerKeys],
  await readAnchorSeq(store),
);

if (firstBad) {
  console.error(
    `${validCount} records are sound. The first bad one is number ${firstBad.index}: ${firstBad.flaw}.`,
  );
  console.error(`  ${firstBad.path}`);
  if (firstBad.flaw === "unknown key")
    console.error(
      "After a rotation, give the former keys in FORMER_AUDIT_KEYS, separated by commas, and run this again.",
    );
  else
    console.error(
      "Keep a copy of the container `audit` as it is now, then compare with its versions or your log archive.",
    );
  process.exitCode = 1;
} else {
  console.log(
    validCount === 0
      ? "The audit log is empty: nothing has been changed yet."
      : `${validCount} records, all sound; the last was written ${head.at}.`,
  );
}
