/**
 * Named points of a run at which a test may stop, kill or delay the process. In production this is a no-op. It lives on
 * the global object, so that a test preload replaces `failpoint` for every bundle: the tested bytes are the shipped bytes.
 */
export interface Failpoints {
  failpoint: (name: string) => void | Promise<void>;
}

/** Where a test preload finds the points. */
const globalKey = Symbol.for("huntline.failpoints");

// The seam to the untyped global object.
const globals = globalThis as { [globalKey]?: Failpoints };

export const failpoints: Failpoints = (globals[globalKey] ??= { failpoint: () => undefined });
