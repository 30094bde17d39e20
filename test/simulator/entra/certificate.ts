/** Creates a certificate for this machine at start, because the login endpoint must use https. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generate } from "selfsigned";

export interface Certificate {
  readonly key: string;
  readonly cert: string;
  /** Path of the certificate file, for NODE_EXTRA_CA_CERTS. */
  readonly file: string;
  readonly remove: () => Promise<void>;
}

export async function createCertificate(): Promise<Certificate> {
  const generated = await generate([{ name: "commonName", value: "localhost" }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [
      { name: "basicConstraints", cA: true },
      { name: "keyUsage", digitalSignature: true, keyCertSign: true },
      {
        name: "subjectAltName",
        altNames: [
          { type: 2, value: "localhost" },
          { type: 7, ip: "127.0.0.1" },
        ],
      },
    ],
  });
  const folder = await mkdtemp(join(tmpdir(), "huntline-simulator-"));
  const file = join(folder, "ca.pem");
  await writeFile(file, generated.cert);
  return {
    key: generated.private,
    cert: generated.cert,
    file,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
