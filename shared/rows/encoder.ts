/** How rows become a file: the shape of every format's writer. */

/** Takes pieces of a file in order; back-pressure by promise. The bytes are its own to keep. */
export type ByteSink = (bytes: Uint8Array) => Promise<void>;

/** A file being written from lines. */
export interface Encoder {
  /** Adds whole NDJSON lines; what of them must be kept is copied. */
  readonly write: (lines: Uint8Array) => Promise<void>;
  /** Ends the file; every piece was put when this resolves. */
  readonly finish: () => Promise<Digest>;
}

/** Size and SHA-256 (hex) of a file before compression: of what `zcat` gives, or of a Parquet file as it is. */
export interface Digest {
  readonly rawBytes: number;
  readonly sha256: string;
}
