/** `npm run verify-audit`: verifies the whole audit chain and names the first bad record. */
import { readAnchorSeq, verifyAudit } from "../audit/audit-log.ts";
import { parseCommandLine, runProgram, UsageError } from "./command-line.ts";
import { loadLocalSettings, loadSimulatorSettings } from "./local-settings.ts";
import { createOutput, formatCount } from "./output.ts";

const usage = `npm run verify-audit -- [--simulator]

Verifies every record of the audit log. It reads local.settings.json and the environment for the
data storage and the key vault. After a rotation of the audit key, set FORMER_AUDIT_KEYS to the
former keys, separated by commas.

  --simulator   verify the log of the simulated cloud that npm start runs
  --help, -h

Exit codes: 0 every record is valid, 1 a record is not, 2 the command line is wrong.`;

const output = createOutput(process.stdout, process.stderr);

async function verifyLog(): Promise<number> {
  const { services } = await import("../app/services.ts");
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
  if (!firstBad) {
    output.line(
      validCount === 0
        ? "The audit log is empty: nothing has been changed yet."
        : `${formatCount(validCount, "record")} valid; the last one is of ${head.at}.`,
    );
    return 0;
  }
  output.error(
    `${formatCount(validCount, "record")} valid. Record ${firstBad.index} is not: ${firstBad.flaw}.`,
  );
  output.error(`  ${firstBad.path}`);
  output.error(
    firstBad.flaw === "unknown key"
      ? "After a rotation, set FORMER_AUDIT_KEYS to the former keys and run this again."
      : "Keep a copy of the container audit, then compare it with its versions or your log archive.",
  );
  return 1;
}

await runProgram(output, async () => {
  const line = parseCommandLine(process.argv.slice(2), { simulator: "flag" });
  if (line.isHelp) {
    output.line(usage);
    return 0;
  }
  const [unexpected] = line.positionals;
  if (unexpected !== undefined)
    throw new UsageError(`Unexpected "${unexpected}". Run with --help.`);
  if (line.hasFlag("simulator")) loadSimulatorSettings();
  else loadLocalSettings();
  return verifyLog();
});
