/**
 * `node shared/build/deploy-page.ts <owner>/<repository> <folder>`: writes what the branch
 * `deploy` holds beside the compiled templates, a page with one "Deploy to Azure" button for each.
 * The portal reads template and form from raw.githubusercontent.com, which allows other origins;
 * release assets do not.
 */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A template of the page. */
export interface DeployableTemplate {
  /** File in the branch. */
  readonly file: string;
  /** Bicep source that the release compiles into it. */
  readonly source: string;
  readonly title: string;
  readonly description: string;
  /** Form of the portal, where the template has one. */
  readonly form?: string;
}

export const deployableTemplates: readonly DeployableTemplate[] = [
  {
    file: "azuredeploy.json",
    source: "infra/main.bicep",
    title: "Huntline",
    description: "The app with its storage, key vault, alerts and workbook",
    form: "createUiDefinition.json",
  },
  {
    file: "enrich-incident.json",
    source: "infra/samples/enrich-incident.bicep",
    title: "Playbook: enrich an incident",
    description: "Looks up every file hash of a Sentinel incident",
  },
  {
    file: "close-incident.json",
    source: "infra/samples/close-incident.bicep",
    title: "Playbook: close an incident",
    description: "Closes the Cloud Apps alerts of a Sentinel incident, then the incident",
  },
  {
    file: "mail-new-rows.json",
    source: "infra/samples/mail-new-rows.bicep",
    title: "Workflow: mail new rows",
    description: "Mails the new rows of a hunt",
  },
];

const branch = "deploy";

/** Builds the address that opens the portal's deployment form for a template. */
export function buildPortalUrl(repository: string, { file, form }: DeployableTemplate): string {
  const encodeFileUrl = (name: string): string =>
    encodeURIComponent(`https://raw.githubusercontent.com/${repository}/${branch}/${name}`);
  const template = `https://portal.azure.com/#create/Microsoft.Template/uri/${encodeFileUrl(file)}`;
  return form === undefined ? template : `${template}/createUIDefinitionUri/${encodeFileUrl(form)}`;
}

/** Writes the page as Markdown. `repository` is `<owner>/<name>`. */
export function formatDeployPage(repository: string): string {
  const rows = deployableTemplates.map(
    (template) =>
      `| ${template.title} | ${template.description} | ` +
      `[![Deploy to Azure](https://aka.ms/deploytoazurebutton)](${buildPortalUrl(repository, template)}) |`,
  );
  const source = `https://github.com/${repository}/blob/main/infra`;
  return [
    "# Deploy to Azure",
    "",
    `These templates belong to the [latest release](https://github.com/${repository}/releases/latest).`,
    "",
    "| Template | What it deploys |  |",
    "| -------- | --------------- | --- |",
    ...rows,
    "",
    `After the first deployment, create the secrets, grant the app roles and deploy \`huntline.zip\`:`,
    `[steps](${source}/README.md#deploy). The playbooks need a function key:`,
    `[steps](${source}/samples/README.md).`,
    "",
  ].join("\n");
}

if (import.meta.main) {
  const [repository, folder] = process.argv.slice(2);
  if (repository === undefined || folder === undefined)
    throw new Error("usage: node shared/build/deploy-page.ts <owner>/<repository> <folder>");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "README.md"), formatDeployPage(repository));
  copyFileSync("infra/createUiDefinition.json", join(folder, "createUiDefinition.json"));
}
