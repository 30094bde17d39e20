/** How a story is told: things happen on one device, to one user, at instants counted from the story's start. */
import { ticksFromMs, type Ticks } from "../../../../shared/runtime/time.ts";
import type { Organization, Device, KnownFile, User } from "../entities.ts";
import type { SimulatedEvent } from "../simulated-event.ts";
import type { Random } from "../random.ts";

/** One row of a story. */
export interface ScenarioEvent {
  readonly table: string;
  readonly at: Ticks;
  readonly event: SimulatedEvent;
}

/** What a row of a story says; the scene supplies the rest. */
export interface EventFields {
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

export interface ScenarioContext {
  readonly organization: Organization;
  readonly random: Random;
  readonly device: Device;
  readonly user: User;
  readonly getFile: (name: string) => KnownFile;
  /** Adds a row of a table, `offsetMs` after the start. */
  readonly emit: (table: string, offsetMs: number, fields: EventFields) => void;
}

/** A kind of story. Each happens once in every span of `hours`, whole within it. */
export interface Scenario {
  readonly name: string;
  readonly hours: number;
  /** The latest row's distance from the start. */
  readonly lengthMs: number;
  /** Tables it has rows in. */
  readonly tables: readonly string[];
  readonly emit: (context: ScenarioContext) => void;
}

/** Tells one story from its start; the same draw gives the same story. */
export function runScenario(
  scenario: Scenario,
  organization: Organization,
  random: Random,
  start: Ticks,
): readonly ScenarioEvent[] {
  const windowsDevices = organization.devices.filter(({ osPlatform }) => osPlatform !== "Linux");
  const device = random.pick(windowsDevices.length > 0 ? windowsDevices : organization.devices);
  const user = organization.users[device.owner] ?? random.pick(organization.users);
  const explorer = organization.getFile("explorer.exe");
  const events: ScenarioEvent[] = [];
  scenario.emit({
    organization,
    random,
    device,
    user,
    getFile: organization.getFile,
    emit: (table, offsetMs, fields) => {
      const by = fields.by ?? explorer;
      events.push({
        table,
        at: start + ticksFromMs(offsetMs) + BigInt(random.below(10_000)),
        event: {
          device,
          user,
          file: by,
          commandLine: "",
          by,
          byCommandLine: by.name,
          byParent: explorer,
          subject: "",
          remoteIp: "",
          remotePort: 0,
          bits: random.nextBits(),
          ...fields,
        },
      });
    },
  });
  return events;
}
