/**
 * What a node says of a collection that it links: its name, its lineage, who founded it, what may be
 * written there.
 *
 * Invariant: what cannot be so raises `BadFrame`.
 */

import { errorOf } from "./errors.js";
import { bigOf } from "./event.js";

/** What a node says of a collection. @param {Map<string, any>} said */
export function readInfo(said) {
  const get = (name) => (said instanceof Map ? said.get(name) : undefined);
  const lineage = get("lineage");
  const bytes = typeof lineage === "string" ? hexBytes(lineage) : lineage;
  if (!(bytes instanceof Uint8Array) || bytes.length !== 16 || typeof get("name") !== "string") {
    throw errorOf("BadFrame", "the node did not say what this collection is");
  }
  const founder = bigOf(get("founder") ?? 0);
  const writes = get("writes") ?? null;
  if (writes !== null && !(Array.isArray(writes) && writes.every((one) => typeof one === "string"))) {
    throw errorOf("BadFrame", "the node did not say what may be written");
  }
  return { name: get("name"), lineage: bytes, founder, sync: get("sync") ?? "auto", node: get("node") ?? "", writes };
}

function hexBytes(text) {
  const pairs = text.match(/[0-9a-f]{2}/gi) ?? [];
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
}
