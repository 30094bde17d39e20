/** What is written by hand of a door; its method, path and authority come from what the app registers. */
import type { ProblemStatus } from "../../contracts/problem.ts";
import type { ResponseName, QueryName, RequestName } from "./schemas.ts";

/** One path, query or header parameter, beyond what its schema says. */
export interface ParameterDescription {
  readonly description: string;
  /** JSON Schema of a path or header parameter; a query parameter has its own in `schemas.ts`. */
  readonly schema?: Readonly<Record<string, unknown>>;
  readonly example?: unknown;
  /** Words of Power Platform and Logic Apps: `x-ms-dynamic-values` and its kin. */
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** What a door answers with one status. */
export interface ResponseDescription {
  readonly description: string;
  readonly schema: ResponseName;
  readonly example?: unknown;
  /** Other media types in which the same can be had. */
  readonly also?: readonly string[];
  readonly headers?: readonly ("Location" | "Retry-After")[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** One HTTP door. */
export interface OperationDescription {
  /** PascalCase, unique, never changed: flows that use the connector are bound to it. */
  readonly operationId: string;
  /** At most 80 characters, no slash, no full stop. */
  readonly summary: string;
  readonly description: string;
  readonly tag: string;
  /** How a designer shows it. `internal`: not at all. */
  readonly visibility: "important" | "advanced" | "internal";
  readonly path?: Readonly<Record<string, ParameterDescription>>;
  readonly query?: QueryName;
  readonly headers?: Readonly<Record<string, ParameterDescription>>;
  readonly body?: {
    readonly schema: RequestName;
    readonly required: boolean;
    readonly example: unknown;
    /** Other bodies that are taken, by media type. */
    readonly also?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    /** Any JSON is taken, too. */
    readonly orAnyJson?: true;
  };
  readonly responses: Readonly<Record<number, ResponseDescription>>;
  /** When it refuses with a problem; 500 and 503 are added to every door, 401 to every door with a function key. */
  readonly problems: Partial<Readonly<Record<ProblemStatus, string>>>;
  /** What the Swagger form says besides, for designers. */
  readonly designer?: {
    readonly operation?: Readonly<Record<string, unknown>>;
    readonly parameters?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
}

/** The key by which a request may be repeated. */
export const idempotencyKey: Readonly<Record<string, ParameterDescription>> = {
  "Idempotency-Key": {
    description:
      "Requests with the same key and the same content are one request; another content is refused with 409.",
    schema: { type: "string", minLength: 1, maxLength: 200, pattern: "^[\\x21-\\x7e]+$" },
    example: "playbook-run-08585",
    extensions: { "x-ms-visibility": "advanced" },
  },
};

export const invalidRequest =
  "The request has fields that do not fit; `errors` names each one with what is wanted.";

/** What every door with a body may refuse. */
export const bodyProblems = {
  400: invalidRequest,
  411: "The body came without Content-Length; chunked bodies do not arrive on this platform.",
  413: "The body is larger than 1 MiB.",
  415: "The body is of another media type, encoded or not in UTF-8.",
} as const satisfies OperationDescription["problems"];
