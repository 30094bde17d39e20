/** `npm run verify-audit`: verifies the whole audit chain and names the first bad record. */
import { readAnchor } from "../audit/anchor.ts";
import { verifyAudit } from "../audit/verify.ts";
import { parseCommandLine, runProgram, UsageError } from "./command-line.ts";
import { loadLocalSettings, loadSimulatorSettings } from "./local-settings.ts";
import { createOutput, formatCount } from "./output.ts";
import { deriveTenantKey } from "../storage/tenant-records.ts";
import { requireTenant } from "./tenant-option.ts";

const usage = `npm run verify-audit -- [--tenant <name>] [--simulator]

Verifies every record of the audit log, and the texts about people that records name. It reads
local.settings.json and the environment for the data storage and the key vault. After a rotation of the audit key, set FORMER_AUDIT_KEYS to the
former keys, separated by commas.

  --anchor <seq>:<hash>   an anchor from the log (event audit.anchored), which also finds a log that
                          was deleted and restarted
  --tenant      verify the log of a tenant of the setting TENANTS; else of default
  --simulator   verify the log of the simulated cloud that npm start runs
  --help, -h

Exit codes: 0 every record is valid, 1 a record is not, 2 the command line is wrong.`;

const output = createOutput(process.stdout, process.stderr);

/** Reads `seq:hash`, as the newest event `audit.anchored` of the log states them. */
function readLoggedAnchor(text: string | undefined) {
  if (text === undefined) return undefined;
  const [, seq, hash] = /^(\d{1,12}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (seq === undefined || hash === undefined)
    throw new UsageError("--anchor must be <seq>:<hash> of an event audit.anchored.");
  return { seq: Number(seq), hash };
}

async function verifyLog(
  tenantName: string | undefined,
  expected: string | undefined,
): Promise<number> {
  const tenant = await requireTenant(tenantName);
  const { getTenantServices } = await import("../app/tenant-services.ts");
  const tenantServices = getTenantServices(tenant);
  const store = await tenantServices.records();
  const key = await tenantServices.readAuditKey();
  const formerKeys = (process.env["FORMER_AUDIT_KEYS"] ?? "")
    .split(",")
    .filter((text) => text !== "")
    .map((text) => deriveTenantKey(text, tenant.name));
  const { validCount, head, firstBad, texts } = await verifyAudit(store, [key, ...formerKeys], {
    anchor: await readAnchor(store),
    logged: readLoggedAnchor(expected),
  });
  if (!firstBad) {
    output.line(
      validCount === 0
        ? "The audit log is empty: nothing has been changed yet."
        : `${formatCount(validCount, "record")} valid; the last one is of ${head.at}.`,
    );
    if (texts && texts.stored + texts.erased > 0)
      output.line(
        `They name ${formatCount(texts.stored + texts.erased, "text")} about people: ${texts.stored} valid, ${texts.erased} erased.`,
      );
    return 0;
  }
  output.error(
    `${formatCount(validCount, "record")} valid. Record ${firstBad.index} is not: ${firstBad.flaw}.`,
  );
  output.error(`  ${firstBad.path}`);
  output.error(adviceFor(firstBad.flaw));
  return 1;
}

function adviceFor(flaw: string): string {
  if (flaw === "unknown key")
    return "After a rotation, set FORMER_AUDIT_KEYS to the former keys and run this again.";
  if (flaw === "text missing")
    return "The record is valid, but the text that it names was deleted without an audited erasure.";
  if (flaw === "text changed")
    return "The record is valid, but the text that it names was changed, or was sealed with a key that is missing in FORMER_AUDIT_KEYS.";
  return "Keep a copy of the container audit, then compare it with its versions or your log archive.";
}

await runProgram(output, async () => {
  const line = parseCommandLine(process.argv.slice(2), {
    simulator: "flag",
    tenant: "text",
    anchor: "text",
  });
  if (line.isHelp) {
    output.line(usage);
    return 0;
  }
  const [unexpected] = line.positionals;
  if (unexpected !== undefined)
    throw new UsageError(`Unexpected "${unexpected}". Run with --help.`);
  if (line.hasFlag("simulator")) loadSimulatorSettings();
  else loadLocalSettings();
  return verifyLog(line.readText("tenant"), line.readText("anchor"));
});
