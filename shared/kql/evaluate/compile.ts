/** Connects the parts of the compiler. */
import { compileDeclaredCall } from "./calls.ts";
import type { Compiler } from "./plan.ts";
import { compileScalar } from "./scalar.ts";
import { compileOperator, compileTable, isTable, compileNamedTable } from "./tabular.ts";

export const compiler: Compiler = {
  scalar: compileScalar,
  table: compileTable,
  operator: compileOperator,
  namedTable: compileNamedTable,
  isTable,
  declaredCall: compileDeclaredCall,
};
