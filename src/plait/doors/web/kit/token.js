/**
 * What shows a node whose pages these are: the token that somebody signed in with.
 *
 * It is kept in this browser as long as its person wants it to be, *lasting* on a device of their
 * own, or for this tab only; whose it is stands beside it, for what pages keep here is theirs. All
 * pages of a node share it. Where a browser keeps nothing, it is known until the page is left.
 *
 * What asks for it, and shows who this is, is fetched when it is needed (`signing.js`), and where
 * somebody is signed in soon, so that they can sign out without a node.
 *
 * Invariant: what is forgotten is nowhere any more.
 */

const TOKEN = "plait.token";
const OWNER = "plait.owner"; // whose copies are kept here
const OUT = "plait.signed-out";

let own = null; // where nothing can be kept

/** @param {string} name @returns {Storage|null} of the window; null where it may not be used */
function place(name) {
  try {
    return globalThis[name] ?? null;
  } catch {
    return null;
  }
}

/** @param {string} where @param {string} name @param {string|null} value */
function put(where, name, value) {
  try {
    if (value === null) place(where)?.removeItem(name);
    else place(where)?.setItem(name, value);
  } catch {
    // it is full, or may not be written
  }
}

/** @param {string} where @param {string} name */
function get(where, name) {
  try {
    return place(where)?.getItem(name) ?? null;
  } catch {
    return null;
  }
}

/** The token that pages show, or null. */
export function shownToken() {
  return own ?? get("sessionStorage", TOKEN) ?? get("localStorage", TOKEN);
}

/** Whether copies may be kept in this browser: not for who signed in for this tab only. */
export function mayKeep() {
  return own === null && get("sessionStorage", TOKEN) === null;
}

/** Whose copies this browser keeps; null if that is not known. */
export function owner() {
  return get("localStorage", OWNER);
}

/** Show it from now on. @param {string} token @param {string|null} who @param {boolean} lasting */
export function keepToken(token, who, lasting) {
  put(lasting ? "sessionStorage" : "localStorage", TOKEN, null);
  put(lasting ? "localStorage" : "sessionStorage", TOKEN, token);
  if (lasting) put("localStorage", OWNER, who);
  own = shownToken() === token ? null : token;
}

/** Show none any more. */
export function forgetToken() {
  own = null;
  for (const where of ["sessionStorage", "localStorage"]) put(where, TOKEN, null);
  put("localStorage", OWNER, null);
}

/** Tell the other pages of this browser that its person leaves. */
export function sayOut() {
  put("localStorage", OUT, `${Date.now()} ${Math.random()}`);
}

// ------------------------------------------------------------------------------- people

const SOON_MS = 4000;
const dialogs = () => import("./signing.js");

/** Ask for a token until one is good; false if they would not. See `signing.js`.
 * @param {{why?: string, base?: string|URL}} [options] @returns {Promise<boolean>} */
export const signIn = async (options) => (await dialogs()).signIn(options);

/** Say who this is, and let them sign out. @param {string} who @param {{close?: () => Promise<void>|void}} [page] */
export const showPerson = async (who, page) => (await dialogs()).showPerson(who, page);

/** Forget the token and all copies, after asking if edits would be lost; the page begins anew.
 * @param {{close?: () => Promise<void>|void}} [page] */
export const signOut = async (page) => (await dialogs()).signOut(page);

/** Let go of what is kept when another page of this browser signs out. @param {() => Promise<void>|void} close */
export function followOut(close) {
  globalThis.addEventListener?.("storage", async (event) => {
    if (event.key !== OUT || event.newValue === null) return;
    await close();
    (await dialogs()).saySignedOut();
  });
  if (shownToken() !== null) setTimeout(() => dialogs().catch(() => undefined), SOON_MS);
}
