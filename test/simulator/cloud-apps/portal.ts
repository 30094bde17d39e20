/** What Cloud Apps knows besides alerts: the state behind its other resources, drawn at first sight. */
import { activitiesResource, type Feedback } from "./activities.ts";
import { drawActivity, type Activity } from "./activity-draw.ts";
import { createDiscovery, discoveryResources, type Discovery } from "./discovery.ts";
import { drawEntity, entitiesResource, type Entity } from "./entities.ts";
import { drawFile, filesResource, type CloudFile } from "./files.ts";
import type { CloudAppsResource } from "./resource.ts";
import { createIpRanges, ipRangesResource, type IpRanges } from "./subnet.ts";

/** Items that nobody changes, the same in every tenant. */
export interface Drawn<Item> {
  readonly all: () => readonly Item[];
  readonly find: (id: string) => Item | undefined;
  /** Draws as many as this; nothing happens when there are as many. */
  readonly reset: (count: number) => void;
}

/** The state that tests see and change. */
export interface Portal {
  readonly activities: Drawn<Activity>;
  readonly feedback: readonly Feedback[];
  readonly entities: Drawn<Entity>;
  readonly files: Drawn<CloudFile>;
  readonly ipRanges: IpRanges;
  readonly discovery: Discovery;
  readonly resources: readonly CloudAppsResource[];
}

export function createPortal(nowMs: () => number): Portal {
  const activities = drawn(600, drawActivity, nowMs);
  const entities = drawn(130, drawEntity, nowMs);
  const files = drawn(130, drawFile, nowMs);
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
      activitiesResource(activities, feedback),
      entitiesResource(entities),
      filesResource(files),
      ipRangesResource(ipRanges),
      ...discoveryResources(discovery),
    ],
  };
}

function drawn<Item extends { readonly _id: string }>(
  count: number,
  draw: (index: number, nowMs: number) => Item,
  nowMs: () => number,
): Drawn<Item> {
  let wanted = count;
  let items: Map<string, Item> | undefined;
  const known = (): Map<string, Item> =>
    (items ??= new Map(
      Array.from({ length: wanted }, (_, index) => draw(index, nowMs())).map((item) => [
        item._id,
        item,
      ]),
    ));
  return {
    all: () => [...known().values()],
    find: (id) => known().get(id),
    reset: (next) => {
      if (next === wanted) return;
      wanted = next;
      items = undefined;
    },
  };
}
