/** Follows `infra/main.bicep` through its modules and tells what would be deployed for given parameters. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  applied,
  evaluate,
  Handle,
  isFields,
  listOf,
  plain,
  shown,
  within,
  type Fields,
  type Scope,
  type Value,
} from "./evaluate.ts";
import { parseBicep } from "./parse.ts";
import type { Declaration, Expression, ResourceDeclaration } from "./syntax.ts";

/** One resource as it would be sent. */
export interface Deployed {
  readonly type: string;
  readonly apiVersion: string;
  /** With its parents: `account/default/exports`. */
  readonly name: string;
  /** `type/name`, what other resources say of this one. */
  readonly address: string;
  /** Address of the resource that an extension resource lies on. */
  readonly scope: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
  readonly file: string;
}

export interface Deployment {
  readonly resources: readonly Deployed[];
  readonly outputs: Fields;
  readonly declarations: readonly { readonly file: string; readonly declaration: Declaration }[];
}

export type ReadFile = (file: string) => string;
const fromDisk: ReadFile = (file) => readFileSync(file, "utf8");

/** @throws Error naming the file of what cannot be followed */
export function deploy(file: string, params: Fields, read: ReadFile = fromDisk): Deployment {
  const resources: Deployed[] = [];
  const seen: { file: string; declaration: Declaration }[] = [];
  const outputs = follow(file, params, { read, resources, seen });
  return { resources, outputs, declarations: seen };
}

interface Journey {
  readonly read: ReadFile;
  readonly resources: Deployed[];
  readonly seen: { file: string; declaration: Declaration }[];
}

function follow(file: string, params: Fields, journey: Journey): Fields {
  const declarations = parseBicep(file, journey.read(file));
  journey.seen.push(...declarations.map((declaration) => ({ file, declaration })));
  const byName = new Map(
    declarations.filter(({ kind }) => kind !== "output").map((each) => [each.name, each]),
  );
  const known = new Map<string, Value>();
  const scope: Scope = {
    lookUp: (name) => {
      const declared = byName.get(name);
      if (!known.has(name) && declared)
        known.set(name, valueOf(declared, params, { file, scope, journey }));
      return known.get(name);
    },
    call: (name, args) => {
      const declared = byName.get(name);
      if (declared?.kind === "func") return applied(declared.value, args, scope);
      const beside = (): string => journey.read(join(dirname(file), shown(args[0] ?? "")));
      if (name === "loadTextContent") return beside();
      return name === "loadJsonContent" ? (JSON.parse(beside()) as Value) : undefined;
    },
  };
  const place = { file, scope, journey };
  for (const each of declarations) {
    if (each.kind === "resource" && !each.existing) collect(each, place, undefined);
    if (each.kind === "module") scope.lookUp(each.name);
  }
  const outputs = declarations.filter((each) => each.kind === "output");
  return Object.fromEntries(outputs.map(({ name, value }) => [name, evaluate(value, scope)]));
}

interface Place {
  readonly file: string;
  readonly scope: Scope;
  readonly journey: Journey;
}

function valueOf(declared: Declaration, params: Fields, place: Place): Value {
  switch (declared.kind) {
    case "param": {
      const given = params[declared.name];
      if (given !== undefined) return given;
      if (!declared.value)
        throw new Error(`${place.file}: no value for the parameter ${declared.name}`);
      return evaluate(declared.value, place.scope);
    }
    case "var":
      return evaluate(declared.value, place.scope);
    case "resource":
      return handles(declared, place, undefined);
    case "module":
      return moduleHandle(declared, place);
    case "output":
    case "func":
    case "other":
      throw new Error(`${place.file}: ${declared.name} has no value`);
  }
}

function moduleHandle(declared: Declaration & { kind: "module" }, place: Place): Value {
  if (declared.value.kind === "when" && evaluate(declared.value.condition, place.scope) !== true)
    return null;
  const body = evaluate(declared.value, place.scope);
  const given = isFields(body) ? body["params"] : undefined;
  const outputs = follow(
    join(dirname(place.file), declared.file),
    isFields(given) ? given : {},
    place.journey,
  );
  return new Handle(declared.name, (name) =>
    name === "outputs" ? outputs : `${declared.name}.${name}`,
  );
}

/** The bodies of a declaration: one, none where its condition fails, or one a turn of its loop; with their scopes. */
function bodiesOf(
  value: Expression,
  scope: Scope,
): { body: Expression & { kind: "object" }; scope: Scope }[] {
  if (value.kind === "object") return [{ body: value, scope }];
  if (value.kind === "when")
    return evaluate(value.condition, scope) === true ? bodiesOf(value.body, scope) : [];
  if (value.kind !== "for") throw new Error(`a resource cannot be a ${value.kind}`);
  const { index, item, list } = value;
  return listOf(evaluate(list, scope)).flatMap((each, i) =>
    bodiesOf(
      value.body,
      within(scope, { [item]: each, ...(index === undefined ? {} : { [index]: i }) }),
    ),
  );
}

/** Without the condition: something may be named without being made. */
const withoutCondition = (value: Expression): Expression =>
  value.kind === "when" ? value.body : value;

function handles(declared: ResourceDeclaration, place: Place, parent: Handle | undefined): Value {
  const all = bodiesOf(withoutCondition(declared.value), place.scope).map(({ body, scope }) =>
    handleOf(declared, { ...place, scope }, body, parent),
  );
  return declared.value.kind === "for" ? all : (all[0] ?? null);
}

function entry(body: Expression & { kind: "object" }, name: string): Expression | undefined {
  return body.entries.find(([key]) => key.kind === "literal" && key.value === name)?.[1];
}

const parentOf = (address: string): { type: string; name: string } => {
  const [type = "", name = ""] = address.split(" ");
  return { type, name };
};

function identityOf(
  declared: ResourceDeclaration,
  scope: Scope,
  body: Expression & { kind: "object" },
  outer: Handle | undefined,
): { type: string; apiVersion: string; name: string } {
  const [type = "", apiVersion = ""] = declared.type.split("@");
  const own = entry(body, "name");
  const said = entry(body, "parent");
  const named = said ? evaluate(said, scope) : outer;
  const last = own ? shown(evaluate(own, scope)) : "";
  if (!(named instanceof Handle)) return { type, apiVersion, name: last };
  const parent = parentOf(named.address);
  return {
    type: outer ? `${parent.type}/${type}` : type,
    apiVersion,
    name: `${parent.name}/${last}`,
  };
}

function handleOf(
  declared: ResourceDeclaration,
  place: Place,
  body: Expression & { kind: "object" },
  outer: Handle | undefined,
): Handle {
  const { name, type } = identityOf(declared, place.scope, body, outer);
  const address = `${type} ${name}`;
  const self: Handle = new Handle(address, (member) => {
    if (member === "id") return address;
    if (member === "name") return name.split("/").at(-1) ?? name;
    if (member.startsWith("::")) {
      const child = declared.nested.find((each) => `::${each.name}` === member);
      if (!child) throw new Error(`${place.file}: ${declared.name} has no ${member}`);
      return handles(child, place, self);
    }
    return `${address}#${member}`;
  });
  return self;
}

/** `dependsOn` only orders; what is left is what would be sent. */
const withoutOrder = (body: Expression & { kind: "object" }): Expression => ({
  ...body,
  entries: body.entries.filter(([key]) => key.kind !== "literal" || key.value !== "dependsOn"),
});

function collect(declared: ResourceDeclaration, place: Place, outer: Handle | undefined): void {
  for (const { body, scope } of bodiesOf(declared.value, place.scope)) {
    const here = { ...place, scope };
    const identity = identityOf(declared, scope, body, outer);
    const self = handleOf(declared, here, body, outer);
    const value = evaluate(withoutOrder(body), scope);
    const scopeSaid = isFields(value) ? value["scope"] : undefined;
    place.journey.resources.push({
      ...identity,
      address: self.address,
      scope: scopeSaid instanceof Handle ? scopeSaid.address : undefined,
      body: plain(value) as Readonly<Record<string, unknown>>,
      file: place.file,
    });
    for (const child of declared.nested) if (!child.existing) collect(child, here, self);
  }
}
