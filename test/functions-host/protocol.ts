/**
 * What passes between the host and `@azure/functions`: the parts of the Functions worker protocol
 * that this host speaks.
 */

/** Severity of a log line, as the host names it. */
export type Level = "trace" | "debug" | "information" | "warning" | "error" | "critical" | "none";

/** A value on its way into or out of a function; at most one member is set. */
export interface TypedData {
  readonly string?: string;
  readonly json?: string;
  readonly bytes?: Uint8Array;
  readonly int?: number;
  readonly double?: number;
  readonly http?: RpcHttp;
}

/** Text that may be absent. */
interface NullableString {
  readonly value: string;
}

/** A cookie of a reply; members are wrapped as the protocol wraps what may be absent. */
export interface RpcCookie {
  readonly name: string;
  readonly value: string;
  readonly domain?: NullableString;
  readonly path?: NullableString;
  readonly expires?: { readonly value: { readonly seconds: number } };
  readonly secure?: { readonly value: boolean };
  readonly httpOnly?: { readonly value: boolean };
  readonly sameSite?: "none" | "lax" | "strict" | "explicitNone";
  readonly maxAge?: { readonly value: number };
}

/** A request (upper members) or a reply (lower members). */
export interface RpcHttp {
  readonly method?: string;
  readonly url?: string;
  readonly nullableHeaders?: Record<string, NullableString>;
  readonly nullableQuery?: Record<string, NullableString>;
  readonly nullableParams?: Record<string, NullableString>;
  readonly body?: TypedData | null;
  readonly statusCode?: string;
  readonly headers?: Record<string, string>;
  readonly cookies?: readonly RpcCookie[];
}

/** One trigger, input or output of a function, as `app.*` registered it. */
export interface Binding {
  readonly type: string;
  readonly direction?: "in" | "out";
  readonly [option: string]: unknown;
}

interface RpcDuration {
  readonly seconds: number;
}

/** A retry policy; a `maxRetryCount` of -1 is without end. */
export interface RetryOptions {
  readonly maxRetryCount: number;
  readonly retryStrategy: "fixedDelay" | "exponentialBackoff";
  readonly delayInterval?: RpcDuration;
  readonly minimumInterval?: RpcDuration;
  readonly maximumInterval?: RpcDuration;
}

/** What `app.*` hands to `registerFunction`. */
export interface FunctionMetadata {
  readonly name: string;
  readonly functionId?: string;
  readonly bindings: Readonly<Record<string, Binding>>;
  readonly retryOptions?: RetryOptions;
}

export type FunctionCallback = (...inputs: unknown[]) => unknown;

/** A registered function. */
export interface Registration extends FunctionMetadata {
  readonly callback: FunctionCallback;
}

export interface TraceContext {
  readonly traceParent: string;
  readonly traceState?: string;
  readonly attributes?: Record<string, string>;
}

/** Which attempt this is; absent on the first. */
export interface RetryContext {
  readonly retryCount: number;
  readonly maxRetryCount: number;
  readonly exception?: { readonly message: string; readonly stackTrace?: string };
}

export interface InvocationRequest {
  readonly inputData: readonly { readonly name: string; readonly data: TypedData }[];
  readonly triggerMetadata: Readonly<Record<string, TypedData>>;
  readonly traceContext?: TraceContext;
  readonly retryContext?: RetryContext;
}

/** What a call that succeeded leaves: the return value, and the extra outputs by binding name. */
export interface InvocationResponse {
  readonly returnValue?: TypedData | null;
  readonly outputData?: readonly { readonly name: string; readonly data: TypedData }[];
}

export type LogCategory = "user" | "system" | "customMetric";

/** What `@azure/functions` is given for one call. */
export interface CoreInvocationContext {
  readonly invocationId: string;
  readonly request: InvocationRequest;
  readonly metadata: FunctionMetadata;
  state?: "preInvocationHooks" | "invocation" | "postInvocationHooks" | undefined;
  readonly log: (level: Level, category: LogCategory, message: string) => void;
}

/** One call as `@azure/functions` carries it out. */
export interface InvocationModel {
  readonly getArguments: () => Promise<{ context: object; inputs: unknown[] }>;
  readonly invokeFunction: (
    context: object,
    inputs: unknown[],
    callback: FunctionCallback,
  ) => Promise<unknown>;
  readonly getResponse: (context: object, result: unknown) => Promise<InvocationResponse>;
}

/** What `@azure/functions` registers itself as. */
export interface ProgrammingModel {
  readonly name: string;
  readonly version: string;
  readonly getInvocationModel: (
    context: CoreInvocationContext,
  ) => InvocationModel | Promise<InvocationModel>;
  readonly getCapabilities?: (
    capabilities: Record<string, string>,
  ) => Promise<Record<string, string>>;
}
