/** State behind the other resources of Cloud Apps, drawn at first use. */
import { createActivitiesResource, type Feedback } from "./activities.ts";
import { drawActivity, type Activity } from "./draw-activity.ts";
import { createDiscovery, createDiscoveryResources, type Discovery } from "./discovery.ts";
import { drawEntity, createEntitiesResource, type Entity } from "./entities.ts";
import { drawFile, createFilesResource, type CloudFile } from "./files.ts";
import type { CloudAppsResource } from "./resource.ts";
import { createIpRanges, createIpRangesResource, type IpRanges } from "./ip-ranges.ts";

/** Items that never change, the same in every simulator. */
export interface GeneratedItems<Item> {
  readonly list: () => readonly Item[];
  readonly find: (id: string) => Item | undefined;
  /** Draws items up to this number; does nothing if they exist. */
  readonly reset: (count: number) => void;
}

/** The state that tests read and change. */
export interface Portal {
  readonly activities: GeneratedItems<Activity>;
  readonly feedback: readonly Feedback[];
  readonly entities: GeneratedItems<Entity>;
  readonly files: GeneratedItems<CloudFile>;
  readonly ipRanges: IpRanges;
  readonly discovery: Discovery;
  readonly resources: readonly CloudAppsResource[];
}

export function createPortal(nowMs: () => number): Portal {
  const activities = createGeneratedItems(600, drawActivity, nowMs);
  const entities = createGeneratedItems(130, drawEntity, nowMs);
  const files = createGeneratedItems(130, drawFile, nowMs);
  const feedback: Feedback[] = [];
  const ipRanges = createIpRanges(nowMs);
  const discovery = createDiscovery(nowMs);
  return {
    activities,
    feedback,
    entities,
    files,
    ipRanges,
    discovery,
    resources: [
      createActivitiesResource(activities, feedback),
      createEntitiesResource(entities),
      createFilesResource(files),
      createIpRangesResource(ipRanges),
      ...createDiscoveryResources(discovery),
    ],
  };
}

function createGeneratedItems<Item extends { readonly _id: string }>(
  count: number,
  drawItem: (index: number, nowMs: number) => Item,
  nowMs: () => number,
): GeneratedItems<Item> {
  let currentCount = count;
  let items: Map<string, Item> | undefined;
  const loadItems = (): Map<string, Item> =>
    (items ??= new Map(
      Array.from({ length: currentCount }, (_, index) => drawItem(index, nowMs())).map((item) => [
        item._id,
        item,
      ]),
    ));
  return {
    list: () => [...loadItems().values()],
    find: (id) => loadItems().get(id),
    reset: (nextCount) => {
      if (nextCount === currentCount) return;
      currentCount = nextCount;
      items = undefined;
    },
  };
}
