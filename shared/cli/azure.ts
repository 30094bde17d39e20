/** `npm run azure`: prepares and checks a deployment with the Azure CLI. */
import { setTimeout as sleep } from "node:timers/promises";
import { askSecret } from "./azure/ask-secret.ts";
import { runAz } from "./azure/az.ts";
import { checkApp, readDeployedApp } from "./azure/check.ts";
import { finishProvisioning, printNextSteps } from "./azure/hooks.ts";
import { grantRoles } from "./azure/roles.ts";
import { makeSecrets, type SecretsDeps } from "./azure/secrets.ts";
import {
  parseCommandLine,
  runProgram,
  throwUnknownCommand,
  UsageError,
  type CommandLine,
} from "./command-line.ts";
import { createOutput } from "./output.ts";

const usage = `npm run azure -- <command>

Requires the Azure CLI (az), signed in with az login.

  secrets <vault>             create the secrets that are missing in the key vault
    --webhook <source>        also the secret of a webhook source
    --renew <secret>          create a new version; the app uses it within five minutes
    --cloud-apps-token        ask for the Cloud Apps token; Enter keeps the one that exists
  roles <hunting principal>   grant the app roles that hunts and file lookups need
    --defender-hunting        also the role for huntingApi defender and legacy
    --cloud-apps <principal>  also the role for cloudAppsAuth oauth
  check <group> <app> [hunt]  call the deployed app and run one hunt
  provisioned, deployed       what azd runs after these steps
  --help, -h

Exit codes: 0 done, 1 a step failed, 2 the command line is wrong.`;

const output = createOutput(process.stdout, process.stderr);

const deps: SecretsDeps = {
  az: runAz,
  output,
  ...(process.stdin.isTTY ? { askSecret } : {}),
  sleep: (ms) => sleep(ms),
  now: () => Date.now(),
};

/** @throws UsageError naming the word that is missing */
function readPositional({ positionals }: CommandLine, index: number, name: string): string {
  const value = positionals[index];
  if (value === undefined) throw new UsageError(`Missing <${name}>. Run with --help.`);
  return value;
}

const commands: Readonly<Record<string, (line: CommandLine) => Promise<number>>> = {
  secrets: async (line) => {
    await makeSecrets(deps, {
      vault: readPositional(line, 1, "vault"),
      asksForToken: line.hasFlag("cloud-apps-token"),
      sources: line.readList("webhook"),
      renewed: line.readList("renew"),
    });
    return 0;
  },
  roles: async (line) => {
    await grantRoles(deps, {
      huntingPrincipal: readPositional(line, 1, "hunting principal"),
      grantsDefenderHunting: line.hasFlag("defender-hunting"),
      cloudAppsPrincipal: line.readText("cloud-apps"),
    });
    return 0;
  },
  check: async (line) => {
    const group = readPositional(line, 1, "group");
    const app = await readDeployedApp(runAz, group, readPositional(line, 2, "app"));
    const hunt = line.positionals[3] ?? "office-starts-script-host";
    return (await checkApp(deps, app, hunt)) ? 0 : 1;
  },
  provisioned: async () => {
    await finishProvisioning(deps, process.env);
    return 0;
  },
  deployed: async () => {
    printNextSteps(output, process.env);
    return 0;
  },
};

await runProgram(output, async () => {
  const line = parseCommandLine(process.argv.slice(2), {
    webhook: "list",
    renew: "list",
    "cloud-apps-token": "flag",
    "defender-hunting": "flag",
    "cloud-apps": "text",
  });
  const [name] = line.positionals;
  if (line.isHelp || name === undefined) {
    output.line(usage);
    return 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  return command ? await command(line) : throwUnknownCommand(name, Object.keys(commands));
});
