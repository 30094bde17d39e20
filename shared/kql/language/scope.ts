/** Finds what the query itself declares (`let` names, parameters) and what a name refers to. */
import { childAt, listElements, walkTree, type KqlNode } from "./parser.ts";

/** A `let` statement's or a parameter's declaration. */
export interface Declaration {
  readonly kind: "let" | "parameter";
  readonly name: string;
  /** The LetStatement or FunctionParameter. */
  readonly node: KqlNode;
  /** What a `let` binds; absent for a parameter. */
  readonly boundNode: KqlNode | undefined;
}

/** Returns every name that the query declares by `let` or as a parameter. */
export const findDeclaredNames = (root: KqlNode): ReadonlySet<string> =>
  new Set(
    [...walkTree(root)].flatMap((node) => {
      if (node.kind !== "LetStatement" && node.kind !== "FunctionParameter") return [];
      return [readDeclaredName(node)];
    }),
  );

/** Returns the declaration that a reference names; undefined when the query declares none. */
export function findDeclaration(reference: KqlNode): Declaration | undefined {
  if (reference.symbol?.kind === "Column" || reference.symbol?.kind === "Table") return undefined;
  const name = nameOf(reference);
  for (let node = reference; node.parent; node = node.parent) {
    const declaration = findLet(node.parent, node, name) ?? findParameter(node.parent, name);
    if (declaration) return declaration;
  }
  return undefined;
}

/** Returns a name without brackets and quotes. */
export const nameOf = (node: KqlNode): string => node.symbol?.name ?? node.text;

/** Returns the parameters of a FunctionDeclaration, in order. */
export const parametersOf = (declaration: KqlNode): readonly KqlNode[] => {
  const list = childAt(declaration, "Parameters");
  return listElements(list && childAt(list, "Parameters"));
};

/** Returns the result expression of a FunctionDeclaration. */
export const bodyOf = (declaration: KqlNode): KqlNode | undefined => {
  const body = childAt(declaration, "Body");
  return body && childAt(body, "Expression");
};

function findLet(parent: KqlNode, child: KqlNode, name: string): Declaration | undefined {
  if (parent.role !== "Statements" && parent.kind !== "FunctionBody") return undefined;
  const list = parent.kind === "FunctionBody" ? childAt(parent, "Statements") : parent;
  const precedingLets = listElements(list).filter(
    (statement) =>
      statement.kind === "LetStatement" &&
      statement.end <= child.start &&
      readDeclaredName(statement) === name,
  );
  const node = precedingLets.at(-1);
  return node && { kind: "let", name, node, boundNode: childAt(node, "Expression") };
}

function findParameter(parent: KqlNode, name: string): Declaration | undefined {
  if (parent.kind !== "FunctionDeclaration") return undefined;
  const node = parametersOf(parent).find((parameter) => readDeclaredName(parameter) === name);
  return node && { kind: "parameter", name, node, boundNode: undefined };
}

function readDeclaredName(node: KqlNode): string {
  const name = childAt(node, "Name") ?? childAt(childAt(node, "NameAndType") ?? node, "Name");
  return name ? nameOf(name) : "";
}
