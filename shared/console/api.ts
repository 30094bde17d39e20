/** Calls Huntline's documented API with the user's own key or token. */
import { parseExactJson } from "./exact-json.ts";
import { addTenant, createHeaders, reportRefused } from "./session.ts";

/** A field error of a problem. */
interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** Problem details of a refused call (RFC 9457). */
interface Problem {
  readonly title?: string;
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
}

/** A call that did not succeed. `status` is 0 if the API is not reachable. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly problem: Problem;

  constructor(status: number, problem: Problem) {
    super(problem.title ?? `The API answered ${status}.`);
    this.status = status;
    this.problem = problem;
  }
}

export interface ApiReply<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

export interface ApiCall {
  readonly method?: "GET" | "POST" | "DELETE";
  readonly body?: unknown;
  /** Sends this text instead of JSON. */
  readonly text?: string;
  readonly contentType?: string;
  /** Statuses that are answers although they are not 2xx. */
  readonly accept?: readonly number[];
  readonly signal?: AbortSignal;
  /** Which tenants the call is about. @default "selected" */
  readonly tenants?: "selected" | "all";
}

/**
 * Calls the API. `path` is below `/api/`, or an absolute URL of this origin that the API returned.
 *
 * @throws ApiError for every status that is neither 2xx nor accepted
 */
export async function callApi<T>(path: string, call: ApiCall = {}): Promise<ApiReply<T>> {
  const url = new URL(path.includes("://") ? path : `/api/${path}`, location.origin);
  if (call.tenants !== "all") addTenant(url);
  // Absolute URLs of the API start with PUBLIC_URL, whose origin and path may differ from the page's.
  const localPath = url.pathname.slice(url.pathname.indexOf("/api/"));
  const response = await sendRequest(`${localPath}${url.search}`, call);
  const text = await response.text();
  const body = parseBody(text);
  if (response.ok || call.accept?.includes(response.status))
    return { status: response.status, headers: response.headers, body: body as T };
  // The address of a job has a key of its own, which says nothing of the user's.
  if (response.status === 401 && !url.searchParams.has("key")) reportRefused();
  throw new ApiError(response.status, typeof body === "object" && body !== null ? body : {});
}

async function sendRequest(url: string, call: ApiCall): Promise<Response> {
  const payload = call.text ?? (call.body === undefined ? undefined : JSON.stringify(call.body));
  try {
    return await fetch(url, {
      method: call.method ?? "GET",
      headers: {
        ...(await createHeaders()),
        ...(payload === undefined
          ? {}
          : { "content-type": call.contentType ?? "application/json" }),
      },
      ...(payload === undefined ? {} : { body: payload }),
      ...(call.signal ? { signal: call.signal } : {}),
      cache: "no-store",
      redirect: "error",
    });
  } catch (error) {
    if (call.signal?.aborted) throw error;
    throw new ApiError(0, {
      title: "The API is not reachable.",
      detail: "Check your connection. The page tries again by itself.",
    });
  }
}

function parseBody(text: string): unknown {
  try {
    return parseExactJson(text);
  } catch {
    return {};
  }
}

/** Returns the body of a GET. @throws ApiError */
export const getJson = async <T>(
  path: string,
  signal?: AbortSignal,
  tenants: ApiCall["tenants"] = "selected",
): Promise<T> => (await callApi<T>(path, { tenants, ...(signal ? { signal } : {}) })).body;

/** A page of a list. */
export interface Page<T> {
  readonly value: readonly T[];
  readonly nextLink: string | null;
}
