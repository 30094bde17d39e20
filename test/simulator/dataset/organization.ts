/** Draws the entities of the organization from the options. */
import type { Organization } from "./entities.ts";
import { drawFiles } from "./files.ts";
import { drawDevices, drawUsers } from "./people.ts";

export interface OrganizationOptions {
  readonly seed?: number;
  readonly devices?: number;
  readonly users?: number;
  /** Number of additional files. */
  readonly files?: number;
  readonly domain?: string;
}

/** Draws the entities; equal options give equal entities. */
export function drawOrganization({
  seed = 1,
  devices = 30,
  users = 40,
  files = 40,
  domain = "contoso.com",
}: OrganizationOptions): Organization {
  const people = drawUsers(seed, domain, users);
  const filesByKind = drawFiles(seed, files);
  const allFiles = Object.values(filesByKind).flat();
  const byName = new Map(allFiles.map((file) => [file.name, file]));
  return {
    seed,
    domain,
    users: people,
    devices: drawDevices(seed, domain, devices, people.length),
    files: allFiles,
    ...filesByKind,
    getFile: (name) => {
      const file = byName.get(name);
      if (file === undefined) throw new Error(`the world has no file ${name}`);
      return file;
    },
  };
}
