/** Routes in the fragment of the address, which never reaches a server. */
import { useEffect, useState } from "preact/hooks";

export interface Place {
  /** First segment: `hunts`. */
  readonly page: string;
  /** Second segment, decoded: the name of a hunt. */
  readonly id: string;
}

/** Reads `#/hunts/name`. */
function parsePlace(hash: string): Place {
  const [, page = "", id = ""] = /^#\/([\w-]*)\/?(.*)$/.exec(hash) ?? [];
  try {
    return { page, id: decodeURIComponent(id) };
  } catch {
    return { page, id: "" };
  }
}

export const linkTo = (page: string, id = ""): string =>
  id === "" ? `#/${page}` : `#/${page}/${encodeURIComponent(id)}`;

/** Returns the current place; follows the address. */
export function usePlace(): Place {
  const [place, setPlace] = useState(() => parsePlace(location.hash));
  useEffect(() => {
    const follow = (): void => setPlace(parsePlace(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return place;
}
