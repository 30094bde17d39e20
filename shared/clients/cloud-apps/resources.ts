/** Alerts, entities and files of Cloud Apps: list and fetch, mark read and unread, the deprecated closings. */
import type { AlertId } from "../../contracts/alert-id.ts";
import type { Pipe } from "../../http-pipeline/api-client.ts";
import { idFilter } from "./alerts.ts";
import type { AlertFilter, EntityFilter, EntityKey, FileFilter } from "./filters.ts";
import { fetchOne, listAll, listPage, unexpected, type ListOptions } from "./lists.ts";

const segment = encodeURIComponent;

/** `/api/v1/alerts/` */
export const alertResource = (pipe: Pipe) => {
  const path = "/api/v1/alerts/";
  const mark = async (id: AlertId, as: "read" | "unread"): Promise<void> => {
    await pipe.send({ method: "POST", path: `${path}${id}/${as}/`, json: {} });
  };
  /** @returns how many alerts changed; the answer's other counts are the service's own */
  const closeOld = async (
    verb: "dismiss_bulk" | "resolve",
    ids: readonly AlertId[],
    comment?: string,
  ): Promise<number> => {
    const answer = await pipe.send({
      method: "POST",
      path: `${path}${verb}/`,
      json: { filters: idFilter(ids), comment },
      tries: 1,
    });
    const counted = (answer.body as { dismissed?: unknown; resolved?: unknown } | undefined)?.[
      verb === "resolve" ? "resolved" : "dismissed"
    ];
    if (typeof counted !== "number") throw unexpected(answer, "a count");
    return counted;
  };
  return {
    list: (options?: ListOptions<AlertFilter, "date" | "severity">) => listAll(pipe, path, options),
    page: (options?: ListOptions<AlertFilter, "date" | "severity">) =>
      listPage(pipe, path, options),
    fetch: (id: AlertId) => fetchOne(pipe, `${path}${id}/`),
    read: (id: AlertId) => mark(id, "read"),
    unread: (id: AlertId) => mark(id, "unread"),
    /** @deprecated the service maps it to a false positive; `close_false_positive` says so */
    dismissBulk: (ids: readonly AlertId[], comment?: string) =>
      closeOld("dismiss_bulk", ids, comment),
    /** @deprecated the service maps it to a true positive; `close_true_positive` says so */
    resolve: (ids: readonly AlertId[], comment?: string) => closeOld("resolve", ids, comment),
  };
};

/** An entity's key in a path: base64 of its JSON. */
export const entityPath = ({ id, inst, saas }: EntityKey): string =>
  segment(Buffer.from(JSON.stringify({ id, saas, inst })).toString("base64"));

/** `/api/v1/entities/`: accounts and apps, and the tree an account belongs to. */
export const entityResource = (pipe: Pipe) => {
  const path = "/api/v1/entities/";
  return {
    list: (options?: ListOptions<EntityFilter, "date" | "severity">) =>
      listAll(pipe, path, options),
    fetch: (key: EntityKey) => fetchOne(pipe, `${path}${entityPath(key)}/`),
    tree: (key: EntityKey) => fetchOne(pipe, `${path}${entityPath(key)}/retrieve_tree/`),
  };
};

/** `/api/v1/files/`: portal tokens only; an application is answered 403 whatever its permissions. */
export const fileResource = (pipe: Pipe) => {
  const path = "/api/v1/files/";
  return {
    list: (options?: ListOptions<FileFilter, "dateModified">) => listAll(pipe, path, options),
    fetch: (id: string) => fetchOne(pipe, `${path}${segment(id)}/`),
  };
};
