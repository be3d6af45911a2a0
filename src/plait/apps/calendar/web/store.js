/**
 * The replica behind the page, its state in a few words, and files that are brought in.
 *
 * Invariant: the page never waits for a node; what it shows is what the replica has.
 */

import { connect } from "/client.js";
import { CALENDAR, EVENT } from "./schema.js";
import { mayKeep, shownToken } from "/kit/token.js";

const AGAIN_MS = 2_000;
const WAITING = { Unavailable: "Waiting for a node", NotAllowed: "Not for you to read" };

/** @param {string} me */
export async function openStore(me) {
  const token = shownToken();
  const signed = token ? { token } : {};
  const store = await connect({ name: me || "somebody", persist: mayKeep() ? "plait-calendar" : null, ...signed });
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
      tell(WAITING[error.code] ?? error.message);
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
}

/** An address of this site that others can use without this page. @param {string} path */
export function addressOf(path) {
  const url = new URL(path, location.href);
  url.hash = "";
  const token = shownToken();
  if (token) url.searchParams.set("token", token);
  return url.href;
}

/** @returns {{words: string, state: "wait"|"away"|"pending"|"saved"|"barred"|"reading"}} */
export function statusWords(status, away, why = "") {
  if (why) return { words: why, state: "wait" };
  if (!status) return { words: "Opening", state: "wait" };
  const waiting = status.pending ? ` · ${status.pending} waiting` : "";
  const code = away ? "" : status.error?.code;
  if (code === "NotSignedIn") return { words: `Not signed in${waiting}`, state: "barred" };
  if (code === "NotAllowed") return { words: `Not for you to read${waiting}`, state: "barred" };
  if (away || !status.online) return { words: `Offline${waiting}`, state: "away" };
  if (status.readOnly?.includes("calendar")) return { words: "Read only", state: "reading" };
  return status.pending ? { words: "Saving", state: "pending" } : { words: status.node ? `Saved at ${status.node}` : "Saved", state: "saved" };
}

/** Give a file to the node. @param {File} file @returns {Promise<string>} what became of it, in words */
export async function bringFile(file) {
  try {
    const answer = await fetch("import", { method: "POST", headers: { "Content-Type": "text/calendar", ...(shownToken() ? { Authorization: `Bearer ${shownToken()}` } : {}) }, body: file });
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok) return said.detail ?? said.title ?? `The node answered ${answer.status}.`;
    const left = said.skipped.length ? ` ${said.skipped.length} left out: ${said.skipped[0].reason}` : "";
    return `${said.imported} ${said.imported === 1 ? "event" : "events"} imported.${left}`;
  } catch {
    return "No node can be reached: import again when you are back online.";
  }
}
