/**
 * Thrown for a body that is not a complete JSON answer. The message holds a position, never the
 * bytes.
 */
export class MalformedRows extends Error {
  override readonly name = "MalformedRows";
}
