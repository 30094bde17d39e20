/** The portal's form and the page with the buttons, compared with the templates. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  buildPortalUrl,
  deployableTemplates,
  formatDeployPage,
} from "../../shared/build/deploy-page.ts";
import { parseBicep } from "./bicep/parse.ts";

interface Element {
  readonly name: string;
  readonly type: string;
  readonly label: string;
  readonly defaultValue?: string | boolean;
  readonly constraints?: {
    readonly required?: boolean;
    readonly regex?: string;
    readonly validationMessage?: string;
    readonly allowedValues?: readonly { readonly label: string; readonly value: string }[];
  };
}

interface Form {
  readonly $schema: string;
  readonly handler: string;
  readonly version: string;
  readonly parameters: {
    readonly basics: readonly Element[];
    readonly steps: readonly {
      readonly name: string;
      readonly label: string;
      readonly elements: readonly Element[];
    }[];
    readonly outputs: Readonly<Record<string, string>>;
  };
}

const form = JSON.parse(readFileSync("infra/createUiDefinition.json", "utf8")) as Form;
const parameters = new Map(
  parseBicep("infra/main.bicep", readFileSync("infra/main.bicep", "utf8")).flatMap((each) =>
    each.kind === "param" ? [[each.name, each] as const] : [],
  ),
);
const { basics, steps, outputs } = form.parameters;
const elements = new Map<string, Element>([
  ...basics.map((element) => [`basics('${element.name}')`, element] as const),
  ...steps.flatMap((step) =>
    step.elements.map((element) => [`steps('${step.name}').${element.name}`, element] as const),
  ),
]);
const readElement = (output: string): Element | undefined =>
  elements.get((outputs[output] ?? "").slice(1, -1));

describe("the portal's form", () => {
  test("has the head that the portal requires", () => {
    expect(form.handler).toBe("Microsoft.Azure.CreateUIDef");
    expect(form.$schema).toContain(`/${form.version}/`);
  });

  test("gives only parameters that the template has, and all that it requires", () => {
    const names = Object.keys(outputs);
    expect([...parameters.keys()]).toEqual(expect.arrayContaining(names));
    const required = [...parameters.values()].filter(({ value }) => value === undefined);
    expect(names).toEqual(expect.arrayContaining(required.map(({ name }) => name)));
  });

  test("reads every element once, and no other", () => {
    const references = Object.values(outputs)
      .filter((text) => text !== "[location()]")
      .map((text) => text.slice(1, -1));
    expect(references.toSorted()).toEqual([...elements.keys()].toSorted());
  });

  test("offers exactly the values that the template allows", () => {
    const offered = Object.keys(outputs).flatMap((name) => {
      const values = readElement(name)?.constraints?.allowedValues;
      return values ? [[name, values.map(({ value }) => `'${value}'`).join(" | ")]] : [];
    });
    expect(offered.length).toBeGreaterThan(4);
    expect(offered).toEqual(
      offered.map(([name = ""]) => [name, parameters.get(name)?.type.trim()]),
    );
  });

  test("starts each choice with the default of the template", () => {
    const shown = Object.keys(outputs).flatMap((name) => {
      const { defaultValue, constraints } = readElement(name) ?? {};
      const choice = constraints?.allowedValues?.find(({ label }) => label === defaultValue);
      return constraints?.allowedValues ? [[name, choice?.value]] : [];
    });
    const source = readFileSync("infra/main.bicep", "utf8");
    const expected = shown.map(([name = ""]) => [
      name,
      new RegExp(`param ${name} .* = '(.*)'`).exec(source)?.[1],
    ]);
    expect(shown).toEqual(expected);
  });

  test.each([
    ["prefix", ["huntline", "h-1"], ["Huntline", "ab", "-ab", "a".repeat(17)]],
    [
      "cloudAppsUrl",
      ["https://contoso.eu.portal.cloudappsecurity.com"],
      ["http://contoso.example.com", "https://contoso", "https://contoso.example.com/api"],
    ],
    ["entraClientId", ["", "01234567-89ab-cdef-0123-456789abcdef"], ["c0ffee"]],
    ["packageUri", ["", "https://example.com/huntline.zip"], ["http://example.com/huntline.zip"]],
  ])("checks what is typed for %s", (name, valid, invalid) => {
    const { regex = "", validationMessage } = readElement(name)?.constraints ?? {};
    expect(valid.filter((text) => !new RegExp(regex).test(text))).toEqual([]);
    expect(invalid.filter((text) => new RegExp(regex).test(text))).toEqual([]);
    expect(validationMessage).toMatch(/^Must be /);
  });
});

describe("the page with the buttons", () => {
  test("has a button for the app and for every sample", () => {
    const samples = readdirSync("infra/samples").filter((file) => file.endsWith(".bicep"));
    expect(deployableTemplates.map(({ source }) => source).toSorted()).toEqual(
      ["infra/main.bicep", ...samples.map((file) => `infra/samples/${file}`)].toSorted(),
    );
    const page = formatDeployPage("contoso/huntline");
    for (const template of deployableTemplates)
      expect(page).toContain(buildPortalUrl("contoso/huntline", template));
  });

  test("leads the portal to the files that the release publishes", () => {
    const [app] = deployableTemplates;
    const [, template = "", uiForm = ""] =
      /\/uri\/([^/]+)\/createUIDefinitionUri\/([^/]+)$/.exec(
        app ? buildPortalUrl("contoso/huntline", app) : "",
      ) ?? [];
    expect([template, uiForm].map((text) => decodeURIComponent(text))).toEqual([
      "https://raw.githubusercontent.com/contoso/huntline/deploy/azuredeploy.json",
      "https://raw.githubusercontent.com/contoso/huntline/deploy/createUiDefinition.json",
    ]);
    const release = readFileSync(".github/workflows/release.yml", "utf8");
    for (const { source, file } of deployableTemplates)
      expect(release).toContain(`--file ${source} --outfile dist/deploy/${file}`);
  });
});

describe("the metadata of the sample playbooks", () => {
  const samples = readdirSync("infra/samples").filter((file) => file.endsWith(".bicep"));

  test.each(samples)("%s has what the Sentinel gallery requires", (file) => {
    const text = readFileSync(`infra/samples/${file}`, "utf8");
    const names = [...text.matchAll(/^metadata (\w+) = /gm)].map(([, name]) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        "title",
        "description",
        "prerequisites",
        "postDeployment",
        "lastUpdateTime",
        "entities",
        "tags",
        "support",
        "author",
        "releaseNotes",
      ]),
    );
  });
});
