/**
 * Named points of a run at which a test may stop, kill or delay the process. In production this is a no-op: a
 * test preload replaces `reach`, so the tested bytes are the shipped bytes.
 */
export const points: { reach: (name: string) => void | Promise<void> } = {
  reach: () => undefined,
};
