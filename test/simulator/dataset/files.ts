/** The files of the dataset: common programs, libraries, documents and a few rare files. */
import { parseInstant } from "../../../shared/runtime/time.ts";
import { createRandom, drawHex, mixBits, type Random } from "./random.ts";
import type { KnownFile } from "./entities.ts";

const system32 = String.raw`C:\Windows\System32`;
const office = String.raw`C:\Program Files\Microsoft Office\root\Office16`;

/** Name, folder, company, product. The first entries are the most frequent. */
const programs: readonly (readonly [string, string, string, string])[] = [
  ["svchost.exe", system32, "Microsoft Corporation", "Microsoft Windows Operating System"],
  [
    "chrome.exe",
    String.raw`C:\Program Files\Google\Chrome\Application`,
    "Google LLC",
    "Google Chrome",
  ],
  [
    "msedge.exe",
    String.raw`C:\Program Files (x86)\Microsoft\Edge\Application`,
    "Microsoft Corporation",
    "Microsoft Edge",
  ],
  [
    "explorer.exe",
    String.raw`C:\Windows`,
    "Microsoft Corporation",
    "Microsoft Windows Operating System",
  ],
  ["conhost.exe", system32, "Microsoft Corporation", "Microsoft Windows Operating System"],
  ["cmd.exe", system32, "Microsoft Corporation", "Microsoft Windows Operating System"],
  [
    "powershell.exe",
    String.raw`C:\Windows\System32\WindowsPowerShell\v1.0`,
    "Microsoft Corporation",
    "Microsoft Windows Operating System",
  ],
  ["outlook.exe", office, "Microsoft Corporation", "Microsoft Office"],
  ["winword.exe", office, "Microsoft Corporation", "Microsoft Office"],
  ["excel.exe", office, "Microsoft Corporation", "Microsoft Office"],
  [
    "teams.exe",
    String.raw`C:\Program Files\WindowsApps\MSTeams`,
    "Microsoft Corporation",
    "Microsoft Teams",
  ],
  ["services.exe", system32, "Microsoft Corporation", "Microsoft Windows Operating System"],
  ["lsass.exe", system32, "Microsoft Corporation", "Microsoft Windows Operating System"],
  ["taskhostw.exe", system32, "Microsoft Corporation", "Microsoft Windows Operating System"],
  ["rundll32.exe", system32, "Microsoft Corporation", "Microsoft Windows Operating System"],
  ["schtasks.exe", system32, "Microsoft Corporation", "Microsoft Windows Operating System"],
  ["net.exe", system32, "Microsoft Corporation", "Microsoft Windows Operating System"],
  ["whoami.exe", system32, "Microsoft Corporation", "Microsoft Windows Operating System"],
  ["regsvr32.exe", system32, "Microsoft Corporation", "Microsoft Windows Operating System"],
  ["mshta.exe", system32, "Microsoft Corporation", "Internet Explorer"],
  ["wscript.exe", system32, "Microsoft Corporation", "Microsoft Windows Script Host"],
  ["certutil.exe", system32, "Microsoft Corporation", "Microsoft Windows Operating System"],
  ["bitsadmin.exe", system32, "Microsoft Corporation", "Microsoft Windows Operating System"],
  [
    "wmic.exe",
    String.raw`C:\Windows\System32\wbem`,
    "Microsoft Corporation",
    "Microsoft Windows Operating System",
  ],
  [
    "wmiprvse.exe",
    String.raw`C:\Windows\System32\wbem`,
    "Microsoft Corporation",
    "Microsoft Windows Operating System",
  ],
  ["vssadmin.exe", system32, "Microsoft Corporation", "Microsoft Windows Operating System"],
  ["msiexec.exe", system32, "Microsoft Corporation", "Windows Installer"],
  ["python.exe", String.raw`C:\Program Files\Python312`, "Python Software Foundation", "Python"],
  ["git.exe", String.raw`C:\Program Files\Git\cmd`, "The Git Development Community", "Git"],
  [
    "psexec.exe",
    String.raw`C:\Tools`,
    "Sysinternals - www.sysinternals.com",
    "Sysinternals PsExec",
  ],
  ["bash", "/usr/bin", "", ""],
  ["curl", "/usr/bin", "", ""],
  ["sshd", "/usr/sbin", "", ""],
];
const libraries = [
  "ntdll.dll",
  "kernel32.dll",
  "user32.dll",
  "combase.dll",
  "clr.dll",
  "amsi.dll",
  "samlib.dll",
  "vaultcli.dll",
  "taskschd.dll",
  "dbghelp.dll",
  "system.management.automation.dll",
  "winhttp.dll",
];
const documents = [
  "budget.xlsx",
  "minutes.docx",
  "offer.pdf",
  "invoice.docm",
  "photo.jpg",
  "export.csv",
  "archive.zip",
  "slides.pptx",
  "notes.txt",
  "setup.msi",
];
const rare = [
  "updater_x.exe",
  "svch0st.exe",
  "loader.dll",
  "payload.exe",
  "mimidump.exe",
  "tunnel.exe",
];

const toTicks = (text: string): bigint => parseInstant(text) ?? 0n;

/**
 * Draws the programs, libraries, documents and rare files, and `extraCount` additional documents
 * and tools.
 */
export function drawFiles(
  seed: number,
  extraCount: number,
): { readonly [kind in "programs" | "libraries" | "documents" | "rare"]: readonly KnownFile[] } {
  const random = createRandom(mixBits(seed, "files"));
  const extra = Array.from(
    { length: extraCount },
    (_, index) => `tool-${String(index + 1).padStart(5, "0")}.exe`,
  );
  return {
    programs: programs.map(([name, folder, company, product]) =>
      createSignedFile(seed, random, name, folder, company, product),
    ),
    libraries: libraries.map((name) =>
      createSignedFile(
        seed,
        random,
        name,
        system32,
        "Microsoft Corporation",
        "Microsoft Windows Operating System",
      ),
    ),
    documents: [
      ...documents.map((name) =>
        createUnsignedFile(
          seed,
          random,
          name,
          String.raw`C:\Users\Public\Documents`,
          "Unknown",
          "",
        ),
      ),
      ...extra.map((name) =>
        createSignedFile(
          seed,
          random,
          name,
          String.raw`C:\Program Files\Contoso Tools`,
          "Contoso Ltd",
          "Contoso Tools",
        ),
      ),
    ],
    rare: rare.map((name, index) =>
      createUnsignedFile(
        seed,
        random,
        name,
        String.raw`C:\Users\Public`,
        index % 2 === 0 ? "Malware" : "Unknown",
        index % 2 === 0 ? `Trojan:Win32/Tenant.${String.fromCharCode(65 + index)}` : "",
      ),
    ),
  };
}

function createDigests(seed: number, name: string): Pick<KnownFile, "sha1" | "sha256" | "md5"> {
  const fileSeed = mixBits(seed, "file", name);
  return { sha1: drawHex(fileSeed, 40), sha256: drawHex(fileSeed, 64), md5: drawHex(fileSeed, 32) };
}

function createSignedFile(
  seed: number,
  random: Random,
  name: string,
  folder: string,
  company: string,
  product: string,
): KnownFile {
  const isUnsigned = company === "";
  return {
    ...createDigests(seed, name),
    name,
    folder,
    size: BigInt(20_000 + random.below(9_000_000)),
    company,
    product,
    version: `10.0.${1000 + random.below(20_000)}.${random.below(3000)}`,
    description: product === "" ? "" : `${product} (${name})`,
    originalName: isUnsigned ? "" : name,
    signer: company,
    issuer: isUnsigned ? "" : "Microsoft Code Signing PCA 2011",
    signerHash: isUnsigned ? "" : drawHex(mixBits(seed, "signer", company), 40),
    publisher: company,
    globalPrevalence: BigInt(50_000 + random.below(2_000_000)),
    globalFirstSeen: toTicks("2015-03-19T12:20:07.3432441Z") + BigInt(random.nextBits()) * 10_000n,
    globalLastSeen: toTicks("2026-11-20T08:15:35.7664356Z"),
    determinationType: "Clean",
    determinationValue: "",
    isMicrosoft: company === "Microsoft Corporation",
  };
}

function createUnsignedFile(
  seed: number,
  random: Random,
  name: string,
  folder: string,
  determinationType: KnownFile["determinationType"],
  threat: string,
): KnownFile {
  return {
    ...createSignedFile(seed, random, name, folder, "", ""),
    globalPrevalence: BigInt(random.below(40)),
    globalFirstSeen: toTicks("2026-09-01T00:00:00.0000001Z") + BigInt(random.nextBits()) * 1_000n,
    determinationType,
    determinationValue: threat,
  };
}
