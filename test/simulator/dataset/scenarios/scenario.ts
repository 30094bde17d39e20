/** Runs a scenario: events on one device and one user, at offsets from the scenario's start. */
import { ticksFromMs, type Ticks } from "../../../../shared/runtime/time.ts";
import type { Organization, Device, KnownFile, User } from "../entities.ts";
import type { SimulatedEvent } from "../simulated-event.ts";
import type { Random } from "../random.ts";

/** One row of a scenario. */
export interface ScenarioEvent {
  readonly table: string;
  readonly at: Ticks;
  readonly event: SimulatedEvent;
}

/** Fields of a row that the scenario sets; the context supplies the others. */
interface EventFields {
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

/** A kind of scenario. It happens once, entirely, in every span of `hours`. */
export interface Scenario {
  readonly name: string;
  readonly hours: number;
  /** Offset of the latest row from the start. */
  readonly lengthMs: number;
  /** Tables it has rows in. */
  readonly tables: readonly string[];
  readonly emit: (context: ScenarioContext) => void;
}

/** Runs one scenario from its start; equal random streams give equal rows. */
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
