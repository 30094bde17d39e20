/**
 * Named points of a run at which a test may stop, kill or delay the process. In production this is a no-op. It lives on
 * the global object, so that a test preload replaces `reach` for every bundle: the tested bytes are the shipped bytes.
 */
export interface Points {
  reach: (name: string) => void | Promise<void>;
}

/** Where a test preload finds the points. */
const place = Symbol.for("huntline.points");

// The seam to the untyped global object.
const shared = globalThis as { [place]?: Points };

export const points: Points = (shared[place] ??= { reach: () => undefined });
