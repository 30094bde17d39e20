/**
 * Connects the KQL evaluator to the simulator's dataset; only this file of the simulator imports
 * it.
 */
import type { EvaluationContext as KqlContext } from "../../../shared/kql/evaluate/context.ts";
import {
  evaluate,
  type Evaluation as KqlEvaluation,
} from "../../../shared/kql/evaluate/evaluate.ts";
import type { Span, Ticks } from "../../../shared/runtime/time.ts";
import type { Dataset } from "../dataset/dataset.ts";
import type { KnownFile } from "../dataset/entities.ts";
import type { Evaluate } from "./evaluation.ts";

/** How a query is run over a dataset. */
export interface DatasetContext {
  readonly now: Ticks;
  readonly timespan?: Span;
  /** Rows that arrive later are not visible; default `now`. */
  readonly visibleAt?: Ticks;
}

/** Evaluates a query over a dataset. */
export const evaluateDataset = (
  query: string,
  dataset: Dataset,
  { now, timespan, visibleAt = now }: DatasetContext,
): KqlEvaluation =>
  evaluate(query, {
    tables: createTables(dataset, visibleAt),
    now,
    ...(timespan && { timespan }),
    functions: { FileProfile: (hash) => indexFiles(dataset.files).get(hash) },
  });

export const createDatasetEvaluate =
  (dataset: Dataset): Evaluate =>
  (query, context) => {
    const result = evaluateDataset(query, dataset, context);
    return "refusedBy" in result
      ? { kind: "error", class: result.cause, message: result.message }
      : { kind: "table", ...result };
  };

const createTables = (dataset: Dataset, visibleAt: Ticks): KqlContext["tables"] =>
  new Map(
    [...dataset.tables].map(([name, columns]) => [
      name,
      { columns, rows: (span: Span) => dataset.readRows(name, span, visibleAt) },
    ]),
  );

type FileFacts = Readonly<Record<string, unknown>>;

const fileIndexes = new WeakMap<readonly KnownFile[], ReadonlyMap<string, FileFacts>>();

/** Indexes files by each of their hashes, once per array. */
function indexFiles(files: readonly KnownFile[]): ReadonlyMap<string, FileFacts> {
  const fileIndex =
    fileIndexes.get(files) ??
    new Map(
      files.flatMap((file) =>
        [file.sha1, file.sha256, file.md5].map((hash) => [hash, toFileFacts(file)] as const),
      ),
    );
  fileIndexes.set(files, fileIndex);
  return fileIndex;
}

/** The columns of `FileProfile()`. */
const toFileFacts = (file: KnownFile): FileFacts => ({
  SHA1: file.sha1,
  SHA256: file.sha256,
  MD5: file.md5,
  FileSize: file.size,
  GlobalPrevalence: file.globalPrevalence,
  GlobalFirstSeen: file.globalFirstSeen,
  GlobalLastSeen: file.globalLastSeen,
  Signer: file.signer,
  Issuer: file.issuer,
  SignerHash: file.signerHash,
  IsCertificateValid: file.signer === "" ? null : true,
  IsRootSignerMicrosoft: file.signer === "" ? null : file.isMicrosoft,
  SignatureState: file.signer === "" ? "Unsigned" : "SignedValid",
  IsExecutable: /\.(?:exe|dll)$/.test(file.name),
  ThreatName: file.determinationValue,
  Publisher: file.publisher,
  SoftwareName: file.product,
  ProfileAvailability: "Available",
});
