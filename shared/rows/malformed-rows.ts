/** A body that is no complete JSON answer: cut short, or not JSON at all. Carries a position, never the bytes. */
export class MalformedRows extends Error {
  override readonly name = "MalformedRows";
}
