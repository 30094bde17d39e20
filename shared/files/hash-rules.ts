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
  /** A list that repeats values of other members: any other name of a value decides. */
  readonly isIndex?: boolean;
  /** A payload or document in which the name occurs. */
  readonly source: string;
}

const containerReason = "a container";
const device = "(?:device|machine|computer|host|endpoint|dvc|asset|sensor|agent)";

/** Rules for names; the first match decides. */
export const nameRules: readonly NameRule[] = [
  {
    names: /(?:^| )related hash(?:es)?$|^p any (?:\w+ )?hash(?:es)?$/,
    isIndex: true,
    source: "ECS: related.hash with imphashes; Panther: p_any_md5_hashes with CrowdStrike's aid",
  },
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
    names: new RegExp(
      "(?:^| )container (?:image )?hash(?:es)?(?: \\w+)?$|(?:^| )(?:container|sandbox)$" +
        "|(?:^| )(?:image|manifest|layer) digests?$|(?:^| )layer hash(?:es)?$",
    ),
    reason: containerReason,
    source: "ECS: container.image.hash.all; AWS: ImageDigest, sourceLayerHash",
  },
  {
    names: new RegExp(
      "(?:^| )(?:ur[li]|query|row|record|event|message|stack|user|account|e ?mail|tx|transaction" +
        "|block|token|recipients?|sender|key|name|serial(?: number)?|command ?line|session" +
        "|request|rule|alert|incident|dt|client|server|config(?:uration)?|policy|schema)" +
        " hash(?:es)?(?: (?:sha1|sha256|md5|all))?$" +
        "|(?:^| )(?:thread|memory) (?:hash(?:es)?|sha1|sha256|md5)$",
    ),
    reason: "a hash of something else",
    source:
      "ECS: user.hash, event.hash; Okta: tokenHash, dtHash; Proofpoint: recipients_hash; " +
      "HarfangLab: thread_sha256; Compose: config-hash",
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
      "(?:^| )(?:u?ids?|guids?|uuids?|identifiers?|arn|urn|etag|cookie|session|traces?|traceparent|tracestate" +
        "|bookmark|cid)(?: (?:dedup|string|str|hex|hash))?$",
    ),
    reason: "an id",
    source: "AWS: arn; Office 365: Urn; CrowdStrike: customerIDString; XSOAR: detection_id_dedup",
  },
  {
    names:
      /(?:^| )(?:host|device|user|asset) groups?$|(?:^| )(?:bucket ?)?owners?$|(?:^| )requesters?$/,
    reason: "an id",
    source: "CrowdStrike: HostGroups; Amazon S3: bucketowner, requester",
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

/** Text directly before a digest of a container image, whose `sha256:` names no file. */
export const imageReference: TextRule = {
  before: /@sha256:$|:repository\/\S{1,60}\/sha256:$/i,
  reason: containerReason,
  source: "OCI: registry.example/app@sha256:…; Amazon ECR: arn:…:repository/app/sha256:…",
};

/** A directory with a run as its name. containerd: /run/containerd/…/<id>/rootfs. */
export const directoryReason = "a directory";

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
  {
    names: /(?:^| )digest$/,
    beside: ["mediatype"],
    reason: containerReason,
    source: "OCI image manifests: layers[].digest beside mediaType",
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

/** A field whose meaning another field holds, with `Label` behind its name. CEF: cs1, cs1Label. */
export const labelledField = /^(?:cs|device ?custom ?string|flex ?string|c6a)(?: ?\d)$/i;

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
