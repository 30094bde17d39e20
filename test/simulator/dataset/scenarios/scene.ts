/** How a story is told: things happen on one device, to one user, at instants counted from the story's start. */
import { ticksFromMs, type Ticks } from "../../../../shared/runtime/time.ts";
import type { Cast, Device, KnownFile, User } from "../entities.ts";
import type { Happening } from "../happening.ts";
import type { Random } from "../random.ts";

/** One row of a story. */
export interface Told {
  readonly table: string;
  readonly at: Ticks;
  readonly happening: Happening;
}

/** What a row of a story says; the scene supplies the rest. */
export interface Line {
  readonly action: string;
  readonly file?: KnownFile;
  readonly commandLine?: string;
  readonly by?: KnownFile;
  readonly byCommandLine?: string;
  readonly byParent?: KnownFile;
  readonly subject?: string;
  readonly remoteIp?: string;
  readonly remotePort?: number;
  readonly user?: User;
  readonly bits?: number;
  readonly set?: Readonly<Record<string, unknown>>;
}

export interface Scene {
  readonly cast: Cast;
  readonly random: Random;
  readonly device: Device;
  readonly user: User;
  readonly file: (name: string) => KnownFile;
  /** Adds a row of a table, `ms` after the start. */
  readonly tell: (table: string, ms: number, line: Line) => void;
}

/** A kind of story. Each happens once in every span of `hours`, whole within it. */
export interface Story {
  readonly name: string;
  readonly hours: number;
  /** The latest row's distance from the start. */
  readonly lengthMs: number;
  /** Tables it has rows in. */
  readonly tables: readonly string[];
  readonly tell: (scene: Scene) => void;
}

/** Tells one story from its start; the same draw gives the same story. */
export function toldBy(story: Story, cast: Cast, random: Random, start: Ticks): readonly Told[] {
  const windows = cast.devices.filter(({ osPlatform }) => osPlatform !== "Linux");
  const device = random.pick(windows.length > 0 ? windows : cast.devices);
  const user = cast.users[device.owner] ?? random.pick(cast.users);
  const system = cast.fileNamed("explorer.exe");
  const rows: Told[] = [];
  story.tell({
    cast,
    random,
    device,
    user,
    file: cast.fileNamed,
    tell: (table, ms, line) => {
      const by = line.by ?? system;
      rows.push({
        table,
        at: start + ticksFromMs(ms) + BigInt(random.below(10_000)),
        happening: {
          device,
          user,
          file: by,
          commandLine: "",
          by,
          byCommandLine: by.name,
          byParent: system,
          subject: "",
          remoteIp: "",
          remotePort: 0,
          bits: random.bits(),
          ...line,
        },
      });
    },
  });
  return rows;
}
