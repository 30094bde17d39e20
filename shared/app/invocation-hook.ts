/**
 * Wraps every function: sets its correlation id and log, and turns what an HTTP function throws
 * into a problem reply. What any other function throws goes to the platform, which delivers the
 * message again.
 */
import type {
  HttpRequest,
  HttpResponseInit,
  InvocationContext,
  PreInvocationContext,
} from "@azure/functions";
import { withInvocation } from "../runtime/log.ts";
import { Problem } from "../contracts/problem.ts";
import { tenantNamePattern } from "../storage/tenant-records.ts";
import { toProblemBody } from "../http/problem.ts";
import { refuseUnknownParameters } from "../http/refuse-unknown-parameters.ts";

/** Give to `app.hook.preInvocation`. */
export function withErrorHandling(call: PreInvocationContext): void {
  const { functionHandler: handler, invocationContext: context } = call;
  const { trigger: binding } = context.options;
  const isHttp = binding.type === "httpTrigger";
  const isAnonymous = "authLevel" in binding && binding["authLevel"] === "anonymous";
  call.functionHandler = (trigger: unknown, inner: InvocationContext): unknown =>
    withInvocation(
      { correlationId: context.invocationId, write: (level, line) => context[level](line) },
      async () => {
        try {
          if (isHttp) refuseUnknownParameters(context.functionName, (trigger as HttpRequest).query);
          const reply: unknown = await handler(trigger, inner);
          return isHttp ? withPrivateHeaders(reply as HttpResponseInit | undefined) : reply;
        } catch (error) {
          if (!isHttp) throw error;
          const problem = toProblem(error);
          if (problem.status === 500)
            context.error(`unexpected ${error instanceof Error ? error.name : typeof error}`);
          const shown = isAnonymous ? hideCause(problem) : problem;
          if (shown !== problem) context.error(problem.message);
          const tenant = readTenantName(trigger as HttpRequest);
          return withPrivateHeaders(toProblemReply(shown, context.invocationId, tenant));
        }
      },
    );
}

/**
 * Anonymous callers do not learn which setting, secret or service is at fault: the log and the
 * health report have it.
 */
const hideCause = (problem: Problem): Problem =>
  problem.status === 503
    ? new Problem(503, "The app cannot process this request now; repeat it later.", {
        retryAfterSeconds: problem.retryAfterSeconds ?? defaultPauseSeconds,
      })
    : problem;

/** Answers hold rows, keys and pre-signed addresses: no cache keeps them, no browser guesses types. */
function withPrivateHeaders(reply: HttpResponseInit | undefined): HttpResponseInit | undefined {
  if (reply === undefined) return undefined;
  const headers = new Headers(reply.headers);
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  headers.set("x-content-type-options", "nosniff");
  return { ...reply, headers: Object.fromEntries(headers) };
}

/** Returns the tenant that the request names, where it can be a name. */
const readTenantName = ({ query }: HttpRequest): string | undefined =>
  tenantNamePattern.exec(query.get("tenant") ?? "")?.[0];

/** The HTTP answer of a refusal. */
export function toProblemReply(
  problem: Problem,
  correlationId: string,
  tenant?: string,
): HttpResponseInit {
  return {
    status: problem.status,
    headers: {
      "content-type": "application/problem+json",
      ...(problem.retryAfterSeconds === undefined
        ? {}
        : { "retry-after": String(problem.retryAfterSeconds) }),
    },
    body: JSON.stringify(toProblemBody(problem, correlationId, tenant)),
  };
}

const defaultPauseSeconds = 30;

/** Settings and services can recover while the app runs, hence 503; anything else is a defect. */
function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof Error && error.name === "SettingsError")
    return new Problem(503, error.message);
  if (error instanceof Error && (error.name === "UpstreamError" || error.name === "SecretError")) {
    const retryAfterMs =
      "retryAfterMs" in error && typeof error.retryAfterMs === "number"
        ? error.retryAfterMs
        : undefined;
    const retryAfterSeconds =
      retryAfterMs === undefined
        ? defaultPauseSeconds
        : Math.max(1, Math.ceil(retryAfterMs / 1_000));
    return new Problem(503, error.message, { retryAfterSeconds });
  }
  return new Problem(
    500,
    "An unexpected error occurred; the log has details under this instance id.",
  );
}
