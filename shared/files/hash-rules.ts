/**
 * The rules that decide which runs of hexadecimal digits name a file, as data. Defender's device
 * ids have the form of a SHA-1, as have merge keys, certificate thumbprints and commits; trace ids
 * have the form of an MD5.
 *
 * Rules read whole words: `mdeDeviceId` is `mde device id`, `SHA-1` is `sha1`, `filehash` is `file
 * hash`.
 */

/** A name that says what its runs are. Without a reason they are hashes of files. */
export interface NameRule {
  readonly names: RegExp;
  readonly reason?: string;
  /** A payload or document in which the name occurs. */
  readonly source: string;
}

const device = "(?:device|machine|computer|host|endpoint|dvc|asset|sensor|agent)";

/** Rules for names; the first match decides. */
export const nameRules: readonly NameRule[] = [
  {
    names: new RegExp(`${device} (?:ids?|guids?|uuids?|keys?|identifiers?)$`),
    reason: "a device id",
    source: "Defender: machineId, MdatpDeviceId",
  },
  {
    names: new RegExp(
      `^${device}s?$|(?:^| )(?:devices|machines)(?: v\\d)?$|(?:^| )(?:udids?|aid)$`,
    ),
    reason: "a device id",
    source: "Defender portal: /machines/v2/…; CrowdStrike: aid; Jamf: udid",
  },
  {
    names: /(?:^| )merge ?(?:by ?)?keys?(?: hex)?$/,
    reason: "a merge key",
    source: "Sentinel entities: MergeByKeyHex",
  },
  {
    names: /(?:^| )cd hash(?:es)?(?: |$)|(?:^| )code ?dir(?:ectory)? hash(?:es)?$/,
    reason: "a code directory hash",
    source: "Santa, Jamf: cdhash",
  },
  {
    names: new RegExp(
      "(?:(?:thumb|finger)prints?|(?:^| )x ?509|(?:^| )spki|(?:^| )empreinte|(?:^| )sshfp" +
        "|(?:^| )cert(?:ificate?|ificats?)?s?)(?: |$)",
    ),
    reason: "a certificate",
    source: "Windows event 4768: CertThumbprint; ECS: x509",
  },
  {
    names: new RegExp(
      "(?:^| )(?:signer|issuer|subject|authority) (?:\\w+ ){0,2}" +
        "(?:hash(?:es)?|sha1|sha256|md5)(?: |$)",
    ),
    reason: "a certificate",
    source: "Defender: SignerHash; OCSP: issuerKeyHash",
  },
  {
    names:
      /(?:^| )(?:imp|import|authenti|authenticode|pe|v|icon|d|p|sym|telf|gimp) hash(?:es)?(?: |$)/,
    reason: "a fingerprint that is not of a whole file",
    source: "VirusTotal: imphash, authentihash, vhash; Windows: AuthenticodeHashData",
  },
  {
    names: /(?:^| )(?:ja[34][a-z]?|hassh(?:server)?|jarm|tlsh|ssdeep|rich (?:pe|header))(?: |$)/,
    reason: "a fingerprint that is not of a whole file",
    source: "Zeek: ja3, hassh; ECS: hash.tlsh, pe.rich_header.hash",
  },
  {
    names: /(?:^| )(?:password|passwd|pwd|nt|ntlm|lm) hash(?:es)?$/,
    reason: "a password hash",
    source: "Credential dumps: ntlmHash, lmhash",
  },
  {
    names: /(?:^| )(?:commits?|revision|git|changeset)(?: (?:hash|sha|sha1|id|oid))?$/,
    reason: "a commit",
    source: "GitHub push events: commit_id, commit_oid",
  },
  {
    names:
      /^sha$|(?:^| )(?:head|base|tree|parent|merge|blob) sha$|(?:^| )(?:commit|head|base) oid$/,
    reason: "a commit",
    source: "GitHub pull request events: head.sha",
  },
  {
    names: /(?:^| )container (?:image )?hash(?:es)?(?: \w+)?$/,
    reason: "a container",
    source: "ECS: container.image.hash.all",
  },
  {
    names: new RegExp(
      "(?:^| )(?:ur[li]|query|row|record|event|message|stack|user|account|e ?mail|tx|transaction" +
        "|block|token|recipients?|sender|key|name|serial(?: number)?|command ?line|session" +
        "|request|rule|alert)" +
        " hash(?:es)?(?: (?:sha1|sha256|md5|all))?$",
    ),
    reason: "a hash of something else",
    source: "ECS: user.hash, event.hash; Okta: tokenHash; Proofpoint: recipients_hash",
  },
  {
    names: /(?:^| )(?:salt|nonce|iv)(?: |$)/,
    reason: "a key or token",
    source: "Falco and Okta logs: SALT",
  },
  {
    names: new RegExp(
      "(?:^| )(?:sha1|sha256|md5)(?: |$)" +
        "|(?:^| )hash(?:es)?(?: (?:values?|data|strings?|hex|all))?$",
    ),
    source: "Every product: sha1, MD5String, fileHash, hashes",
  },
  {
    names: /(?:^| )file hash(?:es)?(?: |$)|(?:^| )checksums?(?: |$)|(?:^| )digests?$/,
    source: "Carbon Black: checksum; VirusTotal: digest",
  },
  {
    names: /(?:^| )(?:version|ver|build|release)(?: (?:string|number))?$/,
    reason: "a version",
    source: "Elastic Agent: agent.version with a commit",
  },
  {
    names: new RegExp(
      "(?:^| )(?:u?ids?|guids?|uuids?|arn|urn|etag|cookie|session|traces?|traceparent|tracestate" +
        "|bookmark|cid)(?: (?:dedup|string|str|hex|hash))?$",
    ),
    reason: "an id",
    source: "AWS: arn; Office 365: Urn; CrowdStrike: customerIDString; XSOAR: detection_id_dedup",
  },
  {
    names: /(?:^| )(?:host|device|user|asset) groups?$/,
    reason: "an id",
    source: "CrowdStrike: HostGroups",
  },
  {
    names: /(?:^| )(?:keys?|tokens?|secret|signature|serial(?: number)?)$/,
    reason: "a key or token",
    source: "OAuth: token; X.509: serialNumber",
  },
];

/** Text directly before a run that says what the run is. */
export interface TextRule {
  readonly before: RegExp;
  readonly reason?: string;
  readonly source: string;
}

/** Rules for the text before a run that no name explains; the first match decides. */
export const textRules: readonly TextRule[] = [
  {
    before: /\/(?:files?|samples?|hash(?:es)?|analys[ei]s|sha1|sha256|md5)\/$/i,
    source: "Defender portal: /file/…; Hybrid Analysis: /sample/…; VirusTotal: /gui/file/…",
  },
  {
    before: /\/(?:blob|tree|raw|commits?|compare)\/$|commit(?:diff)?;h=$/i,
    reason: "a commit",
    source: "GitHub: /blob/…; gitweb: a=commitdiff;h=…",
  },
  {
    before: /\d\.\d[\w.-]*\+$/,
    reason: "a version",
    source: "Elastic Agent: v1.4.0+a903…",
  },
];

/**
 * Any other run in a URL names a page, not a file. Office 365: DeepLinkUrl; CrowdStrike:
 * FalconHostLink; AWS: console links.
 */
export const urlReason = "a part of a URL";

/**
 * An unnamed run of 32 digits is more often an id than an MD5: 260 of 535 in 4,077 public payloads.
 */
export const unnamedMd5Reason =
  "an unnamed run of 32 digits: name it md5, or look up every run with all=true";

/** Placeholders that products write when they did not compute a hash. CrowdStrike, SentinelOne. */
export const placeholderHash = /^(?:0+|f+)$/;
export const placeholderReason = "a placeholder, not a computed hash";

/** A name that means something else when one of these properties is beside it. */
export interface SiblingRule {
  readonly names: RegExp;
  /** Letters of the property's name, lower case. */
  readonly beside: readonly string[];
  readonly reason: string;
  readonly source: string;
}

export const siblingRules: readonly SiblingRule[] = [
  {
    names: /^(?:before|after)$/,
    beside: ["ref", "commits", "headcommit", "repository"],
    reason: "a commit",
    source: "GitHub and GitLab push events: before, after",
  },
  {
    names: /(?:^| )digest$/,
    beside: ["digesttype", "keytag"],
    reason: "a DNSSEC digest",
    source: "DS records: digest, digestType",
  },
  {
    names: /^checksum$/,
    beside: ["sha", "hashsha", "shaafter", "hashmd", "md", "mdafter"],
    reason: "a checksum of a record",
    source: "Wazuh file integrity: attributes.checksum beside hash_sha1",
  },
];

/** A container whose hashes are never of files: a certificate, a TLS session. */
export const foreignContainer = new RegExp(
  "(?:^| )(?:cert(?:ificate)?s?|x509|tls|signers?|issuer)" +
    "(?: (?:properties|info|chain|details|data))?$",
);

/** A name that only holds what another property names: `{"name": "sha1", "value": "…"}`. */
export const neutralName =
  /^(?:value|val|v|text|string|content|item|entry|element|data|raw|observable|indicator|\d*)s?$/;

/** The properties whose value may name the value beside it. Letters, lower case. */
export const namingSiblings: ReadonlySet<string> = new Set([
  "name",
  "key",
  "type",
  "algorithm",
  "algo",
  "hashtype",
  "field",
  "fieldname",
  "label",
  "kind",
  "property",
  "attribute",
  "title",
  "displayname",
  "datatype",
]);

/** Endings of words that are written together with an id: `transactionid`, `deviceguid`. */
export const gluedId = new RegExp(
  "^(\\w*(?:device|machine|computer|host|endpoint|dvc|asset|sensor|agent|request|trace|span" +
    "|session|correlation|alert|incident|tenant|user|object|report|event|operation|parent|root" +
    "|client|activity|message|resource|detector|rule|policy|case|ticket|job|run|tracking|external" +
    "|system|app|application" +
    "|entity|record|transaction|customer|process|group|account|subscription|workspace|detection" +
    "|instance|node|cluster|container|image|document|file|thread|mail|merge|mergeby))" +
    "(ids?|guids?|uuids?|keys?)$",
);
