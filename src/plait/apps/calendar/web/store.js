/**
 * The replica behind the page, its state in a few words, and files that are brought in.
 *
 * Invariant: the page never waits for a node; what it shows is what the replica has.
 */

import { connect } from "/client.js";
import { CALENDAR, EVENT } from "./schema.js";

/** @param {string} me */
export async function openStore(me) {
  const store = await connect({ name: me || "somebody", persist: "plait-calendar" });
  return Object.assign(store, {
    both: async () => {
      const [events, calendars] = await Promise.all([store.documents("calendar", EVENT), store.documents("calendars", CALENDAR)]);
      return { events, calendars };
    },
  });
}

/** @returns {{words: string, state: "wait"|"away"|"pending"|"saved"}} */
export function statusWords(status, away) {
  if (!status) return { words: "Opening", state: "wait" };
  const waiting = status.pending ? ` · ${status.pending} waiting` : "";
  if (away || !status.online) return { words: `Offline${waiting}`, state: "away" };
  return status.pending ? { words: "Saving", state: "pending" } : { words: status.node ? `Saved at ${status.node}` : "Saved", state: "saved" };
}

/** Give a file to the node. @param {File} file @returns {Promise<string>} what became of it, in words */
export async function bringFile(file) {
  try {
    const answer = await fetch("import", { method: "POST", headers: { "Content-Type": "text/calendar" }, body: file });
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok) return said.detail ?? said.title ?? `The node answered ${answer.status}.`;
    const left = said.skipped.length ? ` ${said.skipped.length} left out: ${said.skipped[0].reason}` : "";
    return `${said.imported} ${said.imported === 1 ? "event" : "events"} imported.${left}`;
  } catch {
    return "No node can be reached: import again when you are back online.";
  }
}
