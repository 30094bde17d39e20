/**
 * Alerts, entities and files of Cloud Apps: list and fetch, mark read and unread, close by the
 * deprecated calls.
 */
import type { AlertId } from "../../contracts/alert-id.ts";
import type { ApiClient } from "../../http-pipeline/api-client.ts";
import { buildIdFilter } from "./alerts.ts";
import type { AlertFilter, EntityFilter, EntityKey, FileFilter } from "./filters.ts";
import { fetchOne, listAll, listPage, createUnexpectedError, type ListOptions } from "./lists.ts";

const encodeSegment = encodeURIComponent;

/** `/api/v1/alerts/` */
export const createAlertResource = (client: ApiClient) => {
  const path = "/api/v1/alerts/";
  const markAlert = async (id: AlertId, as: "read" | "unread"): Promise<void> => {
    await client.send({ method: "POST", path: `${path}${id}/${as}/`, json: {} });
  };
  /** @returns how many alerts changed */
  const closeOld = async (
    verb: "dismiss_bulk" | "resolve",
    ids: readonly AlertId[],
    comment?: string,
  ): Promise<number> => {
    const response = await client.send({
      method: "POST",
      path: `${path}${verb}/`,
      json: { filters: buildIdFilter(ids), comment },
      tries: 1,
    });
    const count = (response.body as { dismissed?: unknown; resolved?: unknown } | undefined)?.[
      verb === "resolve" ? "resolved" : "dismissed"
    ];
    if (typeof count !== "number") throw createUnexpectedError(response, "a count");
    return count;
  };
  return {
    list: (options?: ListOptions<AlertFilter, "date" | "severity">) =>
      listAll(client, path, options),
    fetchPage: (options?: ListOptions<AlertFilter, "date" | "severity">) =>
      listPage(client, path, options),
    fetch: (id: AlertId) => fetchOne(client, `${path}${id}/`),
    markRead: (id: AlertId) => markAlert(id, "read"),
    markUnread: (id: AlertId) => markAlert(id, "unread"),
    /** @deprecated the service maps it to a false positive; `close_false_positive` says so */
    dismissBulk: (ids: readonly AlertId[], comment?: string) =>
      closeOld("dismiss_bulk", ids, comment),
    /** @deprecated the service maps it to a true positive; `close_true_positive` says so */
    resolve: (ids: readonly AlertId[], comment?: string) => closeOld("resolve", ids, comment),
  };
};

/** Encodes an entity's key for a path: base64 of its JSON. */
const encodeEntityKey = ({ id, inst, saas }: EntityKey): string =>
  encodeSegment(Buffer.from(JSON.stringify({ id, saas, inst })).toString("base64"));

/** `/api/v1/entities/`: accounts and apps, and the tree an account belongs to. */
export const createEntityResource = (client: ApiClient) => {
  const path = "/api/v1/entities/";
  return {
    list: (options?: ListOptions<EntityFilter, "date" | "severity">) =>
      listAll(client, path, options),
    fetch: (key: EntityKey) => fetchOne(client, `${path}${encodeEntityKey(key)}/`),
    fetchTree: (key: EntityKey) =>
      fetchOne(client, `${path}${encodeEntityKey(key)}/retrieve_tree/`),
  };
};

/**
 * `/api/v1/files/`: for portal tokens only; an application receives 403 whatever its permissions.
 */
export const createFileResource = (client: ApiClient) => {
  const path = "/api/v1/files/";
  return {
    list: (options?: ListOptions<FileFilter, "dateModified">) => listAll(client, path, options),
    fetch: (id: string) => fetchOne(client, `${path}${encodeSegment(id)}/`),
  };
};
