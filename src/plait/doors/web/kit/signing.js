/**
 * Signing in and out, on every page alike: a dialog that asks for a token, and one that says who
 * this is and lets them go.
 *
 * A token is tried before it is kept, so a wrong one is said where it was typed. Who signs in after
 * somebody else is asked before that one's copies are thrown away; who signs out, before edits are
 * lost that no node has.
 *
 * Invariant: nobody's unsent edits are lost unless a person says so, and none is ever sent as
 * somebody else's. Absent: what a page shows meanwhile.
 */

import { STYLE } from "./signing_style.js";
import { forgetToken, keepToken, owner, sayOut } from "./token.js";

const TRY_MS = 8000;
// it is large, and most pages never sign anybody out
const keeping = () => import("../client.js");
const MARK = '<svg viewBox="0 0 48 24" aria-hidden="true"><path d="M1 18C9 18 9 6 17 6s8 12 16 12 8-12 14-12"/><path d="M1 6c8 0 8 12 16 12S25 6 33 6s8 12 14 12"/><path d="M1 12c4 0 5 3 8 3m4 0c4 0 4-6 8-6s4 6 8 6 4-6 8-6 4 3 10 3"/></svg>';

let shown = /** @type {HTMLDialogElement|null} */ (null);

/** @param {string} label @param {string} inner without anything that somebody wrote */
function dialogOf(label, inner) {
  shown?.close();
  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [sheet];
  root.innerHTML = `<dialog aria-label="${label}">${inner}</dialog>`;
  document.body.append(host);
  const dialog = /** @type {HTMLDialogElement} */ (root.querySelector("dialog"));
  const find = (/** @type {string} */ selector) => /** @type {any} */ (dialog.querySelector(selector));
  dialog.addEventListener("close", () => {
    host.remove();
    if (shown === dialog) shown = null;
  });
  // a page's own keys are not for what is typed here
  host.addEventListener("keydown", (event) => event.stopPropagation());
  shown = dialog;
  dialog.showModal();
  return { dialog, find };
}

/** Whose token it is, as a node says. @returns {Promise<{who: string|null}|{wrong: string}>} */
async function tried(token, base) {
  const headers = { Authorization: `Bearer ${token}` };
  try {
    const answer = await fetch(new URL("v1/status", base), { headers, cache: "no-store", signal: AbortSignal.timeout(TRY_MS) });
    const said = await answer.json().catch(() => ({}));
    if (answer.ok) return { who: said.who ?? null };
    if (answer.status === 401) return { wrong: `This token opens nothing here: ${said.detail ?? "it is nobody's"}.` };
    return { wrong: said.detail ?? `The node answered ${answer.status}.` };
  } catch {
    return { wrong: "No node answers. Try again in a moment." };
  }
}

/**
 * Ask for a token until one is good; true once somebody is signed in, false if they would not.
 * @param {{why?: string, base?: string|URL}} [options] base: where the routes are
 * @returns {Promise<boolean>}
 */
export function signIn({ why = "", base = "/" } = {}) {
  if (shown) return Promise.resolve(false);
  const { dialog, find } = dialogOf("Sign in", `${MARK}<form>
    <h2>Who is there?</h2><p class="why"></p>
    <label class="field">Token<input type="password" name="token" autocomplete="current-password" required aria-describedby="wrong"></label>
    <label class="lasting"><input type="checkbox" name="lasting" checked><span>This is my device
      <small>Stay signed in, and keep a copy here to work offline. Without it nothing is left behind when this window closes.</small></span></label>
    <p class="wrong" id="wrong" role="alert"></p>
    <footer><button type="button" name="later">Not now</button><button class="act" name="go">Sign in</button></footer></form>`);
  find(".why").textContent = why || "This cluster lets in whom it knows. Paste the token that you were given.";
  return new Promise((resolve) => {
    let [done, busy] = [false, false];
    dialog.addEventListener("close", () => busy || resolve(done));
    find("[name=later]").addEventListener("click", () => dialog.close());
    find("form").addEventListener("submit", async (/** @type {Event} */ event) => {
      event.preventDefault();
      const [token, lasting] = [find("[name=token]").value.trim(), find("[name=lasting]").checked];
      find("[name=go]").disabled = true;
      find(".wrong").textContent = "";
      const found = await tried(token, new URL(base, document.baseURI));
      find("[name=go]").disabled = false;
      if ("wrong" in found) {
        find(".wrong").textContent = found.wrong;
        find("[name=token]").select();
        return;
      }
      const before = owner();
      [done, busy] = [true, true];
      if (lasting && before !== null && before !== found.who && (await (await keeping()).storages()).length) {
        done = await takenOver(before, found.who ?? "somebody else");
      }
      if (done) keepToken(token, found.who, lasting);
      dialog.close();
      resolve(done);
    });
  });
}

/** Another one was here: their copies go first, if this one says so. */
async function takenOver(before, who) {
  const { forgetAll, unsent } = await keeping();
  const kept = await unsent().catch(() => 0);
  const said = await sure(`This browser keeps what ${before} had here`, [
    `Going on as ${who} throws that copy away.`,
    kept ? `${edits(kept)} in it ${kept === 1 ? "was" : "were"} never saved anywhere else.` : "All of it is saved on the cluster.",
  ], `Go on as ${who}`);
  if (said) await forgetAll();
  return said;
}

const edits = (count) => (count === 1 ? "1 edit" : `${count} edits`);

/** @param {string} title @param {string[]} words @param {string} verb @returns {Promise<boolean>} */
function sure(title, words, verb) {
  const { dialog, find } = dialogOf("Are you sure?", `<h2></h2><p></p><p><strong></strong></p>
    <footer><button name="stay">Leave it</button><button class="danger" name="go"></button></footer>`);
  find("h2").textContent = title;
  find("p").textContent = words[0];
  find("strong").textContent = words[1] ?? "";
  find("[name=go]").textContent = verb;
  return new Promise((resolve) => {
    let answer = false;
    dialog.addEventListener("close", () => resolve(answer));
    find("[name=stay]").addEventListener("click", () => dialog.close());
    find("[name=go]").addEventListener("click", () => {
      answer = true;
      dialog.close();
    });
  });
}

/**
 * Say who this is, and let them sign out.
 * @param {string} who @param {{close?: () => Promise<void>|void}} page `close`: let go of what is kept
 */
export function showPerson(who, page = {}) {
  const { dialog, find } = dialogOf("Signed in", `${MARK}<h2></h2>
    <p>You are signed in with a token, and may do what it allows. Signing out forgets it, and what pages keep in this browser.</p>
    <footer><button name="out">Sign out</button><button class="act" name="stay" autofocus>Stay</button></footer>`);
  find("h2").textContent = who;
  find("[name=stay]").addEventListener("click", () => dialog.close());
  find("[name=out]").addEventListener("click", () => {
    dialog.close();
    signOut(page);
  });
}

/** Forget the token and all copies, after asking if edits would be lost; the page begins anew.
 * @param {{close?: () => Promise<void>|void}} page */
export async function signOut(page = {}) {
  sayOut();
  await page.close?.();
  const { forgetAll, unsent } = await keeping();
  const kept = await unsent().catch(() => 0);
  const words = [`${kept === 1 ? "It is" : "They are"} kept in this browser only, and signing out forgets them.`, "Once a node is reached, they are saved by themselves."];
  if (kept === 0 || (await sure(`${edits(kept)} ${kept === 1 ? "is" : "are"} not saved yet`, words, "Sign out all the same"))) {
    forgetToken();
    await forgetAll();
  }
  location.reload();
}

/** Another page signed out: this one waits. */
export function saySignedOut() {
  const { dialog, find } = dialogOf("Signed out", `${MARK}<h2>Signed out</h2>
    <p>Another window of this browser was signed out. Nothing is shown here any more.</p>
    <footer><button class="act" name="go">Sign in again</button></footer>`);
  find("[name=go]").addEventListener("click", () => location.reload());
  dialog.addEventListener("cancel", (event) => event.preventDefault());
}
