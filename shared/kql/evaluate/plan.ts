/**
 * What the compiler of queries is made of: scalars, tables, and the scope that names are looked up
 * in.
 */
import type { KqlNode } from "../language/parser.ts";
import type { HuntColumn, KqlType } from "../../contracts/compiled-hunt.ts";
import type { Span } from "../../runtime/time.ts";
import type { EvaluationContext, Row } from "./context.ts";

export type { Row } from "./context.ts";

/**
 * A compiled expression. A constant gives the same value for every row and is computed at most
 * once.
 */
export interface Scalar {
  readonly type: KqlType;
  readonly run: (row: Row) => unknown;
  readonly isConstant: boolean;
  /** Of a column: its index, so that a time predicate can be recognized. */
  readonly columnIndex?: number;
  /** Of a function with several results: each with the name of its column. */
  readonly parts?: readonly ScalarPart[];
}

/** One result of a function with several. */
export interface ScalarPart {
  readonly name: string;
  readonly scalar: Scalar;
}

/** A compiled tabular expression. Each reading computes its rows again. */
export interface Table {
  readonly columns: readonly HuntColumn[];
  readonly rows: () => Iterable<Row>;
  /** True if the order of rows is defined, as window functions require. */
  readonly isSerialized?: boolean | undefined;
  /**
   * Returns the same table, which may omit rows whose `Timestamp` is outside the span.
   */
  readonly narrow?: ((span: Span) => Table) | undefined;
}

/** What a `let`, a parameter or an `as` gave a name to. */
export type Binding =
  | { readonly kind: "scalar"; readonly scalar: Scalar }
  | { readonly kind: "table"; readonly table: Table }
  | { readonly kind: "function"; readonly declaration: KqlNode; readonly scope: Scope };

/** Computes a window function's value for each row of one reading. */
export type WindowValues = (rows: readonly Row[]) => readonly unknown[];

/** Collects the window functions of one operator. */
export interface WindowCalls {
  /** Returns the scalar that reads the computed value. */
  readonly add: (type: KqlType, computeValues: WindowValues) => Scalar;
}

/** Where a name is looked up. */
export interface Scope {
  readonly context: EvaluationContext;
  readonly compile: Compiler;
  /** Columns of the current row; none outside an operator. */
  readonly columns: readonly HuntColumn[];
  readonly names: Names;
  /** Values of the query's `set` statements, by option. */
  readonly options: Map<string, KqlNode>;
  /** While a `scan` compiles: the column `name` in the state of the step `base`. */
  readonly findMember?: (base: string, name: string) => Scalar | undefined;
  /** Present while an operator compiles expressions over serialized rows. */
  readonly windows?: WindowCalls;
  /** While a `summarize` compiles: a call of an aggregate as a scalar over the tallies' values. */
  readonly compileAggregateCall?: ((call: KqlNode) => Scalar | undefined) | undefined;
  /** Input of a subquery's first operator: the rows of one `mv-apply` or partition. */
  readonly piped?: Table | undefined;
}

/** Names declared so far; an inner scope also finds outer names. */
export interface Names {
  readonly find: (name: string) => Binding | undefined;
  /** Returns the names of views, which wildcards match; outer ones first. */
  readonly listViews: () => readonly string[];
  readonly set: (name: string, binding: Binding) => void;
}

/** The parts of the compiler that call each other. */
export interface Compiler {
  readonly scalar: (node: KqlNode, scope: Scope) => Scalar;
  readonly table: (node: KqlNode, scope: Scope) => Table;
  readonly operator: (node: KqlNode, input: Table, scope: Scope) => Table;
  /** Returns true for a tabular expression. */
  readonly isTable: (node: KqlNode, scope: Scope) => boolean;
  /** Returns the table of a name: bound by the query, or of the service. */
  readonly namedTable: (name: string, node: KqlNode, scope: Scope) => Table;
  /** Calls a function that the query declares. */
  readonly declaredCall: (
    node: KqlNode,
    binding: Binding & { kind: "function" },
    scope: Scope,
    piped?: Table,
  ) => Binding;
}

/** `view () { … }`, but not a plain `let`, answers to a wildcard. */
const isView = (binding: Binding): boolean =>
  binding.kind === "function" && /^view\b/.test(binding.declaration.text);

/** Names of an inner scope. */
export function createNames(outer?: Names): Names {
  const ownBindings = new Map<string, Binding>();
  return {
    find: (name) => ownBindings.get(name) ?? outer?.find(name),
    listViews: () => [
      ...new Set([
        ...(outer?.listViews() ?? []),
        ...[...ownBindings].flatMap(([name, binding]) => (isView(binding) ? [name] : [])),
      ]),
    ],
    set: (name, binding) => void ownBindings.set(name, binding),
  };
}

/** Creates a constant. */
export const createConstant = (type: KqlType, value: unknown): Scalar => ({
  type,
  run: () => value,
  isConstant: true,
});

/** Creates a constant that is computed at first use. */
export function createLazyConstant(type: KqlType, compute: () => unknown): Scalar {
  let cached: { readonly value: unknown } | undefined;
  return { type, isConstant: true, run: () => (cached ??= { value: compute() }).value };
}

/** Creates an expression over others; it is constant if they are. */
export function deriveScalar(
  type: KqlType,
  parts: readonly Scalar[],
  run: (row: Row) => unknown,
): Scalar {
  return parts.every((part) => part.isConstant)
    ? createLazyConstant(type, () => run([]))
    : { type, run, isConstant: false };
}

/** Creates an expression with several results; as one value it is their array. */
export const createTuple = (parts: readonly ScalarPart[]): Scalar => ({
  ...deriveScalar(
    "dynamic",
    parts.map(({ scalar }) => scalar),
    (row) => parts.map(({ scalar }) => scalar.run(row) ?? null),
  ),
  parts,
});

/** A scalar that reads a column of the row at hand. */
export const createColumnScalar = (type: KqlType, columnIndex: number): Scalar => ({
  type,
  isConstant: false,
  columnIndex,
  run: (row) => row[columnIndex],
});

/** A scope whose row is one of `columns`. */
export const withColumns = (scope: Scope, columns: readonly HuntColumn[]): Scope => ({
  ...scope,
  columns,
});
