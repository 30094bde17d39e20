/** The entities resource: accounts and apps, and the tree of the accounts of one person. */
import { toJsonReply, type Reply } from "../server/exchange.ts";
import { cloudAppsFamily } from "../server/families.ts";
import { defineField, toValues } from "./define-field.ts";
import type { Fields } from "./filters.ts";
import { answerList } from "./lists.ts";
import type { GeneratedItems } from "./portal.ts";
import type { CloudAppsResource, ResourceCall } from "./resource.ts";

/** An entity as the API shows it. */
export interface Entity {
  readonly _id: string;
  /** 2 account, 1 app. */
  readonly type: number;
  readonly id: string;
  readonly saas: number;
  readonly inst: number;
  readonly displayName: string;
  /** Live data sometimes has a list in Python's notation. */
  readonly username: string;
  readonly domain: string | null;
  readonly organization: string | null;
  readonly isAdmin: boolean;
  /** Null if unknown. */
  readonly isExternal: boolean | null;
  readonly userGroups: readonly { readonly _id: string; readonly name: string }[];
  /** 0 none, 1 staged, 2 active, 3 suspended, 4 deleted. */
  readonly status: number;
  readonly lastSeen: number;
  readonly threatScore: number;
}

export function drawEntity(index: number, nowMs: number): Entity {
  const domain = index % 6 === 5 ? null : index % 3 === 2 ? "fabrikam.com" : "contoso.com";
  const id = domain ? `user${index}@${domain}` : `service-${index}`;
  return {
    _id: index.toString(16).padStart(24, "0"),
    type: domain ? 2 : 1,
    id,
    saas: index % 4 === 1 ? 11_770 : 11_161,
    inst: index % 5 === 4 ? 1 : 0,
    displayName: `Person ${index}`,
    username: index % 7 === 3 ? `{'id': '${id}', 'saas': 11161, 'inst': 0}` : id,
    domain,
    organization: domain === "contoso.com" ? "Contoso Ltd" : domain ? "Fabrikam Inc" : null,
    isAdmin: index % 8 === 0,
    isExternal: domain === null ? null : domain !== "contoso.com",
    userGroups:
      index % 4 === 0 ? [{ _id: "5e1f00000000000000000001", name: "Administrators" }] : [],
    status: index % 5,
    lastSeen: nowMs - index * 3_600_000,
    threatScore: (index * 37) % 100,
  };
}

const equality = ["eq", "neq"] as const;
const settable = [...equality, "isset", "isnotset"] as const;

const entityFields: Fields<Entity> = {
  type: defineField("int", equality, ({ type }) => [type]),
  isAdmin: defineField("bool", ["eq"], ({ isAdmin }) => [isAdmin]),
  entity: defineField("pk", equality, ({ id, saas, inst }) => [{ id, saas, inst }]),
  userGroups: defineField("text", equality, ({ userGroups }) => userGroups.map(({ _id }) => _id)),
  app: defineField("int", equality, ({ saas }) => [saas]),
  instance: defineField("int", equality, ({ inst }) => [inst]),
  isExternal: defineField("bool", ["eq"], ({ isExternal }) => toValues(isExternal)),
  domain: defineField("text", settable, ({ domain }) => toValues(domain)),
  organization: defineField("text", settable, ({ organization }) => toValues(organization)),
  status: defineField("int", equality, ({ status }) => [status]),
};

export const createEntitiesResource = (entities: GeneratedItems<Entity>): CloudAppsResource => ({
  name: "entities",
  routes: [
    {
      name: "list",
      methods: ["GET", "POST"],
      path: "entities/",
      action: "entities",
      answer: (call) => listEntities(entities, call),
    },
    {
      name: "retrieve_tree",
      methods: ["GET"],
      path: "entities/{pk}/retrieve_tree/",
      action: "entities",
      answer: (call) =>
        answerEntity(entities, call, (entity) => ({
          ...entity,
          children: findRelatedAccounts(entities, entity),
        })),
    },
    {
      name: "fetch",
      methods: ["GET"],
      path: "entities/{pk}/",
      action: "entities",
      answer: (call) => answerEntity(entities, call, (entity) => entity),
    },
  ],
});

const listEntities = (
  entities: GeneratedItems<Entity>,
  { exchange, behaviors }: ResourceCall,
): Reply =>
  answerList<Entity>(
    exchange,
    {
      items: entities.list,
      fields: entityFields,
      sorts: { date: ({ lastSeen }) => lastSeen, severity: ({ threatScore }) => threatScore },
      show: (entity) => entity,
      isWide: true,
    },
    behaviors.unknownField,
    behaviors.total,
  );

/** The accounts of the same domain in other apps. */
const findRelatedAccounts = (
  entities: GeneratedItems<Entity>,
  { id, saas, domain }: Entity,
): readonly Entity[] =>
  entities
    .list()
    .filter(
      (one) => domain !== null && one.domain === domain && one.saas !== saas && one.id !== id,
    );

/** An entity's key is the base64 of `{"id":…,"saas":…,"inst":…}`; the last two may be left out. */
function answerEntity(
  entities: GeneratedItems<Entity>,
  { exchange }: ResourceCall,
  show: (entity: Entity) => unknown,
): Reply {
  const key = readKey(exchange.params["pk"] ?? "");
  const entity =
    key &&
    entities
      .list()
      .find(
        ({ id, saas, inst }) =>
          id === key.id && (key.saas ?? saas) === saas && (key.inst ?? inst) === inst,
      );
  return entity ? toJsonReply(200, show(entity)) : cloudAppsFamily.notFound(exchange);
}

function readKey(pk: string): { id: string; saas?: number; inst?: number } | undefined {
  try {
    const key = JSON.parse(Buffer.from(pk, "base64").toString()) as {
      id: string;
      saas?: number;
      inst?: number;
    };
    return typeof key.id === "string" ? key : undefined;
  } catch {
    return undefined;
  }
}
