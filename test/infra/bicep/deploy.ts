/** Evaluates `infra/main.bicep` with its modules: what would be deployed for given parameters. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  applyLambda,
  evaluateExpression,
  Handle,
  isFields,
  listOf,
  toPlain,
  toText,
  createInnerScope,
  type Fields,
  type Scope,
  type Value,
} from "./evaluate.ts";
import { parseBicep } from "./parse.ts";
import type { Declaration, Expression, ResourceDeclaration } from "./syntax.ts";

/** One resource as it would be sent. */
export interface DeployedResource {
  readonly type: string;
  readonly apiVersion: string;
  /** With its parents: `account/default/exports`. */
  readonly name: string;
  /** `type/name`, as other resources reference it. */
  readonly address: string;
  /** Address of the resource that an extension resource belongs to. */
  readonly scope: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
  readonly file: string;
}

export interface Deployment {
  readonly resources: readonly DeployedResource[];
  readonly outputs: Fields;
  readonly declarations: readonly { readonly file: string; readonly declaration: Declaration }[];
}

export type ReadFile = (file: string) => string;
const readFromDisk: ReadFile = (file) => readFileSync(file, "utf8");

/** @throws Error with the file of an unsupported construct */
export function deployTemplate(
  file: string,
  params: Fields,
  read: ReadFile = readFromDisk,
): Deployment {
  const resources: DeployedResource[] = [];
  const declarations: { file: string; declaration: Declaration }[] = [];
  const outputs = followFile(file, params, { read, resources, declarations });
  return { resources, outputs, declarations };
}

interface DeployRun {
  readonly read: ReadFile;
  readonly resources: DeployedResource[];
  readonly declarations: { file: string; declaration: Declaration }[];
}

function followFile(file: string, params: Fields, run: DeployRun): Fields {
  const declarations = parseBicep(file, run.read(file));
  run.declarations.push(...declarations.map((declaration) => ({ file, declaration })));
  const byName = new Map(
    declarations.filter(({ kind }) => kind !== "output").map((each) => [each.name, each]),
  );
  const values = new Map<string, Value>();
  const scope: Scope = {
    lookUp: (name) => {
      const declaration = byName.get(name);
      if (!values.has(name) && declaration)
        values.set(name, valueOf(declaration, params, { file, scope, run }));
      return values.get(name);
    },
    call: (name, args) => {
      const declaration = byName.get(name);
      if (declaration?.kind === "func") return applyLambda(declaration.value, args, scope);
      const readBeside = (): string => run.read(join(dirname(file), toText(args[0] ?? "")));
      if (name === "loadTextContent") return readBeside();
      return name === "loadJsonContent" ? (JSON.parse(readBeside()) as Value) : undefined;
    },
  };
  const context = { file, scope, run };
  for (const each of declarations) {
    if (each.kind === "resource" && !each.existing) collectResources(each, context, undefined);
    if (each.kind === "module") scope.lookUp(each.name);
  }
  const outputs = declarations.filter((each) => each.kind === "output");
  return Object.fromEntries(
    outputs.map(({ name, value }) => [name, evaluateExpression(value, scope)]),
  );
}

interface DeployContext {
  readonly file: string;
  readonly scope: Scope;
  readonly run: DeployRun;
}

function valueOf(declaration: Declaration, params: Fields, context: DeployContext): Value {
  switch (declaration.kind) {
    case "param": {
      const value = params[declaration.name];
      if (value !== undefined) return value;
      if (!declaration.value)
        throw new Error(`${context.file}: no value for the parameter ${declaration.name}`);
      return evaluateExpression(declaration.value, context.scope);
    }
    case "var":
      return evaluateExpression(declaration.value, context.scope);
    case "resource":
      return resolveHandles(declaration, context, undefined);
    case "module":
      return createModuleHandle(declaration, context);
    case "output":
    case "func":
    case "other":
      throw new Error(`${context.file}: ${declaration.name} has no value`);
  }
}

function createModuleHandle(
  declaration: Declaration & { kind: "module" },
  context: DeployContext,
): Value {
  if (
    declaration.value.kind === "when" &&
    evaluateExpression(declaration.value.condition, context.scope) !== true
  )
    return null;
  const body = evaluateExpression(declaration.value, context.scope);
  const moduleParams = isFields(body) ? body["params"] : undefined;
  const outputs = followFile(
    join(dirname(context.file), declaration.file),
    isFields(moduleParams) ? moduleParams : {},
    context.run,
  );
  return new Handle(declaration.name, (name) =>
    name === "outputs" ? outputs : `${declaration.name}.${name}`,
  );
}

/** Returns a declaration's bodies: one, none if its condition fails, or one for each loop item. */
function bodiesOf(
  value: Expression,
  scope: Scope,
): { body: Expression & { kind: "object" }; scope: Scope }[] {
  if (value.kind === "object") return [{ body: value, scope }];
  if (value.kind === "when")
    return evaluateExpression(value.condition, scope) === true ? bodiesOf(value.body, scope) : [];
  if (value.kind !== "for") throw new Error(`a resource cannot be a ${value.kind}`);
  const { index, item, list } = value;
  return listOf(evaluateExpression(list, scope)).flatMap((each, i) =>
    bodiesOf(
      value.body,
      createInnerScope(scope, { [item]: each, ...(index === undefined ? {} : { [index]: i }) }),
    ),
  );
}

/** Ignores the condition: a resource may be referenced without being created. */
const stripCondition = (value: Expression): Expression =>
  value.kind === "when" ? value.body : value;

function resolveHandles(
  declaration: ResourceDeclaration,
  context: DeployContext,
  parent: Handle | undefined,
): Value {
  const all = bodiesOf(stripCondition(declaration.value), context.scope).map(({ body, scope }) =>
    createHandle(declaration, { ...context, scope }, body, parent),
  );
  return declaration.value.kind === "for" ? all : (all[0] ?? null);
}

function findEntry(body: Expression & { kind: "object" }, name: string): Expression | undefined {
  return body.entries.find(([key]) => key.kind === "literal" && key.value === name)?.[1];
}

const parseAddress = (address: string): { type: string; name: string } => {
  const [type = "", name = ""] = address.split(" ");
  return { type, name };
};

function resolveIdentity(
  declaration: ResourceDeclaration,
  scope: Scope,
  body: Expression & { kind: "object" },
  outerHandle: Handle | undefined,
): { type: string; apiVersion: string; name: string } {
  const [type = "", apiVersion = ""] = declaration.type.split("@");
  const nameExpression = findEntry(body, "name");
  const parentExpression = findEntry(body, "parent");
  const parentHandle = parentExpression ? evaluateExpression(parentExpression, scope) : outerHandle;
  const lastName = nameExpression ? toText(evaluateExpression(nameExpression, scope)) : "";
  if (!(parentHandle instanceof Handle)) return { type, apiVersion, name: lastName };
  const parent = parseAddress(parentHandle.address);
  return {
    type: outerHandle ? `${parent.type}/${type}` : type,
    apiVersion,
    name: `${parent.name}/${lastName}`,
  };
}

function createHandle(
  declaration: ResourceDeclaration,
  context: DeployContext,
  body: Expression & { kind: "object" },
  outerHandle: Handle | undefined,
): Handle {
  const { name, type } = resolveIdentity(declaration, context.scope, body, outerHandle);
  const address = `${type} ${name}`;
  const self: Handle = new Handle(address, (member) => {
    if (member === "id") return address;
    if (member === "name") return name.split("/").at(-1) ?? name;
    if (member.startsWith("::")) {
      const child = declaration.nested.find((each) => `::${each.name}` === member);
      if (!child) throw new Error(`${context.file}: ${declaration.name} has no ${member}`);
      return resolveHandles(child, context, self);
    }
    return `${address}#${member}`;
  });
  return self;
}

/** Removes `dependsOn`, which only orders. */
const stripOrder = (body: Expression & { kind: "object" }): Expression => ({
  ...body,
  entries: body.entries.filter(([key]) => key.kind !== "literal" || key.value !== "dependsOn"),
});

function collectResources(
  declaration: ResourceDeclaration,
  context: DeployContext,
  outerHandle: Handle | undefined,
): void {
  for (const { body, scope } of bodiesOf(declaration.value, context.scope)) {
    const scopedContext = { ...context, scope };
    const identity = resolveIdentity(declaration, scope, body, outerHandle);
    const self = createHandle(declaration, scopedContext, body, outerHandle);
    const value = evaluateExpression(stripOrder(body), scope);
    const scopeValue = isFields(value) ? value["scope"] : undefined;
    context.run.resources.push({
      ...identity,
      address: self.address,
      scope: scopeValue instanceof Handle ? scopeValue.address : undefined,
      body: toPlain(value) as Readonly<Record<string, unknown>>,
      file: context.file,
    });
    for (const child of declaration.nested)
      if (!child.existing) collectResources(child, scopedContext, self);
  }
}
