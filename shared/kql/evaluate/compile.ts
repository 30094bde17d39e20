/** The parts of the compiler, tied together. */
import { callDeclared } from "./calls.ts";
import type { Compile } from "./plan.ts";
import { compileScalar } from "./scalar.ts";
import { compileOperator, compileTable, isTable, namedTable } from "./tabular.ts";

export const compile: Compile = {
  scalar: compileScalar,
  table: compileTable,
  operator: compileOperator,
  named: namedTable,
  isTable,
  call: callDeclared,
};
