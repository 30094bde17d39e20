/** The syntax of a Bicep file as plain data. Types of parameters are kept as text. */

export type Expression =
  | { readonly kind: "literal"; readonly value: string | number | boolean | null }
  | { readonly kind: "text"; readonly parts: readonly (string | Expression)[] }
  | { readonly kind: "object"; readonly entries: readonly (readonly [Expression, Expression])[] }
  | { readonly kind: "array"; readonly items: readonly Expression[] }
  | Loop
  | { readonly kind: "when"; readonly condition: Expression; readonly body: Expression }
  | { readonly kind: "name"; readonly name: string }
  | {
      readonly kind: "member";
      readonly of: Expression;
      readonly name: string;
      readonly nested: boolean;
    }
  | { readonly kind: "index"; readonly of: Expression; readonly at: Expression }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Expression[] }
  | Lambda
  | { readonly kind: "not"; readonly of: Expression }
  | {
      readonly kind: "binary";
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: "choose";
      readonly condition: Expression;
      readonly yes: Expression;
      readonly no: Expression;
    };

interface Loop {
  readonly kind: "for";
  readonly item: string;
  readonly index: string | undefined;
  readonly list: Expression;
  readonly body: Expression;
}

export interface Lambda {
  readonly kind: "lambda";
  readonly params: readonly string[];
  readonly body: Expression;
}

export type Declaration = { readonly decorators: readonly Expression[] } & (
  | {
      readonly kind: "param";
      readonly name: string;
      readonly type: string;
      readonly value: Expression | undefined;
    }
  | { readonly kind: "var"; readonly name: string; readonly value: Expression }
  | { readonly kind: "output"; readonly name: string; readonly value: Expression }
  | { readonly kind: "func"; readonly name: string; readonly value: Lambda }
  | ResourceDeclaration
  | {
      readonly kind: "module";
      readonly name: string;
      readonly file: string;
      readonly value: Expression;
    }
  | { readonly kind: "other"; readonly name: string }
);

export interface ResourceDeclaration {
  readonly kind: "resource";
  readonly name: string;
  /** `Microsoft.Web/sites@2025-03-01`; of a nested one only the last part, without a version. */
  readonly type: string;
  readonly existing: boolean;
  readonly value: Expression;
  readonly nested: readonly ResourceDeclaration[];
}
