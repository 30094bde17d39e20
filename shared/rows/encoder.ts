/** Turns rows into a file: the interface of every format's writer. */

/** Receives the pieces of a file in order and owns them; its promise is the back-pressure. */
export type ByteSink = (bytes: Uint8Array) => Promise<void>;

/** A file being written from lines. */
export interface Encoder {
  /** Adds whole NDJSON lines; copies what it needs after the call. */
  readonly write: (lines: Uint8Array) => Promise<void>;
  /** Ends the file; resolves when every piece was put. */
  readonly finish: () => Promise<Digest>;
}

/**
 * Size and SHA-256 (hex) of a file: of the text that `zcat` prints, or of a Parquet file as it is.
 */
export interface Digest {
  readonly rawBytes: number;
  readonly sha256: string;
  /** Values that the format cannot hold and stores as its documented substitute. */
  readonly substituted: number;
}
