/** Each service's answer to an unknown path. */
import { entraFamily } from "../entra/aadsts.ts";
import { toJsonReply, type Exchange, type Reply } from "./exchange.ts";
import { cloudAppsFamily, defenderFamily, graphFamily, vaultFamily } from "./families.ts";

export function toUnknownPathReply(exchange: Exchange): Reply {
  switch (exchange.service) {
    case "entra":
      return entraFamily.notFound(exchange);
    case "identity":
      return toJsonReply(404, { statusCode: 404, message: "Not found" });
    case "vault":
      return vaultFamily.notFound(exchange);
    case "graph":
      return graphFamily.notFound(exchange);
    case "defender":
      return defenderFamily.notFound(exchange);
    case "cloud-apps":
      return cloudAppsFamily.notFound(exchange);
  }
}
