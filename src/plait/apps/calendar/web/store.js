/**
 * The replica behind the page, its state in a few words, and files that are brought in.
 *
 * Invariant: the page never waits for a node; what it shows is what the replica has.
 */

import { connect } from "/client.js";
import { CALENDAR, EVENT } from "./schema.js";
import { token } from "./settings.js";

const AGAIN_MS = 2_000;

/** @param {string} me */
export async function openStore(me) {
  const signed = token() ? { token: token() } : {};
  const store = await connect({ name: me || "somebody", persist: "plait-calendar", ...signed });
  return Object.assign(store, { both: (tell) => both(store, tell) });
}

/** The documents; asked for again while no node has them. @param {(why: string) => void} tell */
async function both(store, tell) {
  for (;;) {
    try {
      const [events, calendars] = await Promise.all([store.documents("calendar", EVENT), store.documents("calendars", CALENDAR)]);
      return { events, calendars };
    } catch (error) {
      if (error.code === "NotSignedIn" || !error.code) throw error;
      tell(error.code === "Unavailable" ? "Waiting for a node" : error.message);
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
}

/** An address of this site that others can use without this page. @param {string} path */
export function addressOf(path) {
  const url = new URL(path, location.href);
  url.hash = "";
  if (token()) url.searchParams.set("token", token());
  return url.href;
}

/** @returns {{words: string, state: "wait"|"away"|"pending"|"saved"}} */
export function statusWords(status, away, why = "") {
  if (why) return { words: why, state: "wait" };
  if (!status) return { words: "Opening", state: "wait" };
  const waiting = status.pending ? ` · ${status.pending} waiting` : "";
  if (away || !status.online) return { words: `Offline${waiting}`, state: "away" };
  return status.pending ? { words: "Saving", state: "pending" } : { words: status.node ? `Saved at ${status.node}` : "Saved", state: "saved" };
}

/** Give a file to the node. @param {File} file @returns {Promise<string>} what became of it, in words */
export async function bringFile(file) {
  try {
    const answer = await fetch("import", { method: "POST", headers: { "Content-Type": "text/calendar", ...(token() ? { Authorization: `Bearer ${token()}` } : {}) }, body: file });
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok) return said.detail ?? said.title ?? `The node answered ${answer.status}.`;
    const left = said.skipped.length ? ` ${said.skipped.length} left out: ${said.skipped[0].reason}` : "";
    return `${said.imported} ${said.imported === 1 ? "event" : "events"} imported.${left}`;
  } catch {
    return "No node can be reached: import again when you are back online.";
  }
}
