/** Seeds the file and the alert of the README's examples, so that they are found. */
import type { Simulator } from "./simulator.ts";

/** The SHA-1 of the README's examples. */
export const exampleSha1 = "0991a395da64e1c5fbe8732ed11e6be064081d9f";
/** The alert ID of the README's examples. */
export const exampleAlertId = "603e4f1b2c3d4e5f60718293";

/** Adds the example file and the example alert, which is open. */
export function seedExamples({ files, cloudApps }: Pick<Simulator, "files" | "cloudApps">): void {
  files.put({ sha1: exampleSha1, name: "MREC.exe", globalPrevalence: 12n });
  cloudApps.alerts.add(1, { _id: exampleAlertId });
}
