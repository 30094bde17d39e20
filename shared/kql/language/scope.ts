/** What the query itself declares: `let` names and function parameters, and which of them a name stands for. */
import { childAt, elements, walk, type KqlNode } from "./parser.ts";

/** A `let` statement's or a parameter's declaration. */
export interface Declaration {
  readonly kind: "let" | "parameter";
  readonly name: string;
  /** The LetStatement or FunctionParameter. */
  readonly node: KqlNode;
  /** What a `let` binds; absent for a parameter. */
  readonly bound: KqlNode | undefined;
}

/** Every name the query declares by `let` or as a parameter. */
export const declaredNames = (root: KqlNode): ReadonlySet<string> =>
  new Set(
    [...walk(root)].flatMap((node) => {
      if (node.kind !== "LetStatement" && node.kind !== "FunctionParameter") return [];
      return [declared(node)];
    }),
  );

/** The declaration a reference stands for; undefined when the name is not the query's own. */
export function declarationOf(reference: KqlNode): Declaration | undefined {
  if (reference.symbol?.kind === "Column" || reference.symbol?.kind === "Table") return undefined;
  const name = nameOf(reference);
  for (let node = reference; node.parent; node = node.parent) {
    const found = inStatements(node.parent, node, name) ?? inParameters(node.parent, name);
    if (found) return found;
  }
  return undefined;
}

/** A name without brackets and quotes. */
export const nameOf = (node: KqlNode): string => node.symbol?.name ?? node.text;

/** The parameters of a FunctionDeclaration, in order. */
export const parametersOf = (declaration: KqlNode): readonly KqlNode[] => {
  const list = childAt(declaration, "Parameters");
  return elements(list && childAt(list, "Parameters"));
};

/** The result expression of a FunctionDeclaration. */
export const bodyOf = (declaration: KqlNode): KqlNode | undefined => {
  const body = childAt(declaration, "Body");
  return body && childAt(body, "Expression");
};

function inStatements(parent: KqlNode, inside: KqlNode, name: string): Declaration | undefined {
  if (parent.role !== "Statements" && parent.kind !== "FunctionBody") return undefined;
  const list = parent.kind === "FunctionBody" ? childAt(parent, "Statements") : parent;
  const before = elements(list).filter(
    (statement) =>
      statement.kind === "LetStatement" &&
      statement.end <= inside.start &&
      declared(statement) === name,
  );
  const node = before.at(-1);
  return node && { kind: "let", name, node, bound: childAt(node, "Expression") };
}

function inParameters(parent: KqlNode, name: string): Declaration | undefined {
  if (parent.kind !== "FunctionDeclaration") return undefined;
  const node = parametersOf(parent).find((parameter) => declared(parameter) === name);
  return node && { kind: "parameter", name, node, bound: undefined };
}

function declared(node: KqlNode): string {
  const name = childAt(node, "Name") ?? childAt(childAt(node, "NameAndType") ?? node, "Name");
  return name ? nameOf(name) : "";
}
