/**
 * The handwritten part of an operation's description; method, path and key come from the
 * registrations.
 */
import type { ProblemStatus } from "../../contracts/problem.ts";
import type { ResponseName, QueryName, RequestName } from "./schemas.ts";

/** One path, query or header parameter, beyond what its schema says. */
export interface ParameterDescription {
  readonly description: string;
  /** JSON Schema of a path or header parameter; a query parameter has its own in `schemas.ts`. */
  readonly schema?: Readonly<Record<string, unknown>>;
  readonly example?: unknown;
  /** Words of Power Platform and Logic Apps: such as `x-ms-dynamic-values`. */
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** The response of one status. */
export interface ResponseDescription {
  readonly description: string;
  readonly schema: ResponseName;
  readonly example?: unknown;
  /** Other media types of the same response. */
  readonly also?: readonly string[];
  readonly headers?: readonly ("Location" | "Operation-Location" | "Retry-After")[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** One operation. */
export interface OperationDescription {
  /** PascalCase, unique, never changed: flows that use the connector are bound to it. */
  readonly operationId: string;
  /** At most 80 characters, no slash, no full stop. */
  readonly summary: string;
  readonly description: string;
  readonly tag: string;
  /** How a designer shows it. `internal` hides it. */
  readonly visibility: "important" | "advanced" | "internal";
  readonly path?: Readonly<Record<string, ParameterDescription>>;
  readonly query?: QueryName;
  readonly headers?: Readonly<Record<string, ParameterDescription>>;
  readonly body?: {
    readonly schema: RequestName;
    readonly required: boolean;
    readonly example: unknown;
    /** Other accepted bodies, by media type. */
    readonly also?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    /** Also accepts any JSON. */
    readonly orAnyJson?: true;
  };
  readonly responses: Readonly<Record<number, ResponseDescription>>;
  /** Its problems. 500 and 503 are added to every operation, 401 to those with a function key. */
  readonly problems: Partial<Readonly<Record<ProblemStatus, string>>>;
  /** Additions of the Swagger form, for designers. */
  readonly designer?: {
    readonly operation?: Readonly<Record<string, unknown>>;
    readonly parameters?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
}

/** The header that makes a repeated request have no further effect. */
export const idempotencyKey: Readonly<Record<string, ParameterDescription>> = {
  "Idempotency-Key": {
    description:
      "A repeated request with the same key and content has no further effect; other content returns 409.",
    schema: { type: "string", minLength: 1, maxLength: 200, pattern: "^[\\x21-\\x7e]+$" },
    example: "playbook-run-08585",
    extensions: { "x-ms-visibility": "advanced" },
  },
};

export const invalidRequest =
  "The request has invalid fields; `errors` names each one with the expected form.";

/** The problems of every operation with a body. */
export const bodyProblems = {
  400: invalidRequest,
  411: "The body did not arrive; send it with Content-Length.",
  413: "The body is larger than 1 MiB.",
  415: "The body has another media type, is encoded, or is not UTF-8.",
} as const satisfies OperationDescription["problems"];
