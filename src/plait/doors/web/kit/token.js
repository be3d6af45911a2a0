/**
 * What shows a node whose pages these are: the token that somebody signed in with.
 *
 * It is kept in this browser as long as its person wants it to be, *lasting* on a device of their
 * own, or for this tab only; whose it is stands beside it, for what pages keep here is theirs. All
 * pages of a node share it. Where a browser keeps nothing, it is known until the page is left.
 *
 * Invariant: what is forgotten is nowhere any more. Absent: asking for it (`signing.js`).
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

/** Be told that the person leaves, by another page. @param {() => void} tell */
export function onOut(tell) {
  globalThis.addEventListener?.("storage", (event) => {
    if (event.key === OUT && event.newValue !== null) tell();
  });
}
