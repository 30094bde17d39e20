/** Users and devices of the organisation. */
import { createRandom, guidOf, hexOf, mix } from "./random.ts";
import type { Device, User } from "./entities.ts";

const given = [
  "Ada",
  "Bram",
  "Chiara",
  "Dmitri",
  "Elif",
  "Femi",
  "Greta",
  "Hugo",
  "Imani",
  "Jonas",
  "Keiko",
  "Lars",
  "Mina",
  "Noor",
  "Otto",
  "Priya",
  "Quinn",
  "Rosa",
  "Sven",
  "Tala",
];
const family = [
  "Abt",
  "Bauer",
  "Castro",
  "Dahl",
  "Evans",
  "Fischer",
  "Gupta",
  "Haas",
  "Ito",
  "Jansen",
  "Kowalski",
  "Lund",
  "Moreau",
  "Novak",
  "Okafor",
  "Peretz",
  "Quist",
  "Rossi",
  "Silva",
  "Tanaka",
];
const places = [
  ["Zurich", "CH"],
  ["Hamburg", "DE"],
  ["Lyon", "FR"],
  ["Utrecht", "NL"],
  ["Leeds", "GB"],
] as const;
const departments = ["Finance", "Sales", "Engineering", "Legal", "Operations", "IT"];
const systems = [
  { osPlatform: "Windows11", osVersion: "23H2", osBuild: 22631n, kind: "Workstation", stem: "ws" },
  { osPlatform: "Windows10", osVersion: "22H2", osBuild: 19045n, kind: "Workstation", stem: "ws" },
  { osPlatform: "Windows11", osVersion: "24H2", osBuild: 26100n, kind: "Workstation", stem: "nb" },
  {
    osPlatform: "WindowsServer2022",
    osVersion: "21H2",
    osBuild: 20348n,
    kind: "Server",
    stem: "srv",
  },
  { osPlatform: "Linux", osVersion: "22.4", osBuild: 0n, kind: "Server", stem: "lx" },
] as const;

/** Draws `count` users; the last tenth are administrators. */
export function drawUsers(seed: number, domain: string, count: number): readonly User[] {
  const random = createRandom(mix(seed, "users"));
  return Array.from({ length: count }, (_, index): User => {
    const first = given[index % given.length] ?? "Ada";
    const last = family[(index * 7 + Math.floor(index / given.length)) % family.length] ?? "Abt";
    const twin = index < given.length * family.length ? "" : String(Math.floor(index / 400));
    const name = `${first[0] ?? ""}.${last}${twin}`.toLowerCase();
    const [city, country] = random.pick(places);
    return {
      name,
      domain: domain.split(".")[0] ?? domain,
      display: `${first} ${last}`,
      upn: `${name}@${domain}`,
      sid: `S-1-5-21-${mix(seed, "domain")}-${mix(seed, "forest")}-1004336348-${1100 + index}`,
      objectId: guidOf(mix(seed, "user", index)),
      department: random.pick(departments),
      title: index >= count * 0.9 ? "Administrator" : "Specialist",
      city,
      country,
      ip: `198.51.100.${1 + random.below(250)}`,
      admin: index >= count * 0.9,
    };
  });
}

/** Draws `count` devices and gives each its usual user. */
export function drawDevices(
  seed: number,
  domain: string,
  count: number,
  users: number,
): readonly Device[] {
  const random = createRandom(mix(seed, "devices"));
  return Array.from({ length: count }, (_, index): Device => {
    const { stem, ...system } = random.favour(systems);
    return {
      ...system,
      id: hexOf(mix(seed, "device", index), 40),
      name: `${stem}-${String(index + 1).padStart(4, "0")}.${domain}`,
      group: system.kind === "Server" ? "Servers" : "Clients",
      ip: `10.${Math.floor(index / 62_500) + 20}.${Math.floor(index / 250) % 250}.${(index % 250) + 2}`,
      publicIp: `203.0.113.${1 + random.below(20)}`,
      mac: hexOf(mix(seed, "mac", index), 12).toUpperCase(),
      aadId: guidOf(mix(seed, "aad", index)),
      owner: users === 0 ? 0 : index % users,
    };
  });
}
