/** Compares the `az` and `azd` commands of the documents with the options of both programs. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { listShownCommands } from "../support/shown-commands.ts";

/**
 * The options of each command, from the references of Azure CLI and Azure Developer CLI; required
 * ones end in `!`. Neither can run here, because both need a subscription.
 */
const optionsByCommand: Readonly<Record<string, readonly string[]>> = {
  "az ad signed-in-user show": [],
  "az deployment group create": [
    "--resource-group!",
    "--template-file",
    "--parameters",
    "--name",
    "--mode",
  ],
  "az functionapp deployment source config-zip": [
    "--resource-group!",
    "--name!",
    "--src!",
    "--timeout",
  ],
  "az functionapp keys set": [
    "--resource-group!",
    "--name!",
    "--key-type!",
    "--key-name!",
    "--key-value",
    "--slot",
  ],
  "az group create": ["--name!", "--location!", "--tags"],
  "az keyvault secret set": [
    "--vault-name!",
    "--name!",
    "--file",
    "--value",
    "--encoding",
    "--expires",
    "--tags",
  ],
  "az login": ["--tenant", "--use-device-code"],
  "az keyvault secret show": ["--vault-name!", "--name!", "--version"],
  "az provider register": ["--namespace!", "--wait"],
  "az storage container immutability-policy lock": [
    "--account-name!",
    "--container-name!",
    "--if-match!",
  ],
  "az storage container immutability-policy show": ["--account-name!", "--container-name!"],
  "azd env new": ["--location", "--subscription"],
  "azd env set": [],
  "azd up": ["--no-prompt"],
};
const globalOptions = ["--query", "--output", "--only-show-errors", "--subscription"];

/** Each call of `az` or `azd` in the shown commands, also inside `$(…)`. */
const calls = ["README.md", "infra/README.md", "infra/samples/README.md"].flatMap((file) =>
  listShownCommands(readFileSync(file, "utf8")).flatMap((command) =>
    [...command.replaceAll("\\\n", " ").matchAll(/\bazd? [^)|;&\n]*/g)].map(([call]) =>
      call.trim(),
    ),
  ),
);

test("finds the az and azd commands in the documents", () => {
  expect(calls.length).toBeGreaterThan(8);
});

test.each([...new Set(calls)])("uses known options in %s", (call) => {
  const name = Object.keys(optionsByCommand).find(
    (each) => call === each || call.startsWith(`${each} `),
  );
  expect(name, "a command of the recorded table").toBeDefined();
  const options = optionsByCommand[name ?? ""] ?? [];
  const usedOptions = [...call.matchAll(/(?<= )--[\w-]+/g)].map(([option]) => option);
  expect([...options.map((option) => option.replace("!", "")), ...globalOptions]).toEqual(
    expect.arrayContaining(usedOptions),
  );
  expect(usedOptions).toEqual(
    expect.arrayContaining(
      options.flatMap((each) => (each.endsWith("!") ? each.slice(0, -1) : [])),
    ),
  );
});
