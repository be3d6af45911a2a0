/**
 * The notes app: a list, a note beside it, and a replica of everything below.
 *
 * What is written is written into this browser's own replica (`/client.js`), at once; the replica
 * and the node it is linked to tell each other. So nothing here waits for a network, and there is no
 * "save". The note that is open stands in the address: #/KEY.
 *
 * Invariant: nothing is on the page that is not in the replica, but a title being typed. Absent:
 * state of its own, but for what is open.
 */

import { connect } from "/client.js";
import { Book } from "./book.js";
import { followOut, mayKeep, shownToken, signIn, signOut } from "/kit/token.js";
import { askMe, showKeys, toast } from "./dialogs.js";
import { h, icon } from "./dom.js";
import { History } from "./history.js";
import { List } from "./list.js";
import { NotePane } from "./note.js";
import { Me, People, initials } from "./people.js";
import { COLLECTION, NOTE } from "./schema.js";
import { Status, refusals, wasOffline } from "./status.js";

const AGAIN_MS = 5000;
const $ = (id) => document.getElementById(id);

const me = new Me();
let opening = null; // the store, once there is one

/** The collection, made if nobody has made it yet. */
async function opened(store, token) {
  try {
    return await store.documents(COLLECTION, NOTE);
  } catch (error) {
    if (error.code !== "NoSuchCollection") throw error;
    const headers = { "Content-Type": "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) };
    await fetch(`/v1/documents/${COLLECTION}`, { method: "PUT", headers, body: JSON.stringify({ history: "forever" }) });
    return store.documents(COLLECTION, NOTE);
  }
}

async function start() {
  $("create").append(icon("plus"));
  drawMe();
  const token = shownToken();
  const urls = new URLSearchParams(location.search).getAll("node");
  const store = await connect({
    name: me.name, persist: mayKeep() ? "plait" : null, offline: wasOffline(), ...(token ? { token } : {}), ...(urls.length ? { urls } : {}),
  });
  opening = store;
  followOut(() => store.close());
  if (wasOffline()) store.offline = true;
  run(store, await opened(store, token), token);
}

function drawMe() {
  $("me").replaceChildren(h("span.face", { style: { "--hue": me.hue } }, initials(me.name)), h("span.myname", {}, me.name));
}

function run(store, notes, token) {
  const book = new Book(notes);
  const people = new People(notes.presence, me);
  let fresh = null; // the note that was just made here
  let pane = null;

  const status = new Status(store, notes, { state: $("state"), offline: $("offline") }, {
    refused: (refused) => drawRefused(refused),
    rights: () => drawRights(),
    signIn: () => signedIn("The token that this browser had is worth nothing any more. What you wrote is still here."),
  });
  const go = (key) => (location.hash = key === null ? "#/" : `#/${encodeURIComponent(key)}`);
  const acts = {
    pin: (key) => {
      if (!notes.mayWrite(key)) return;
      const note = notes.get(key);
      notes.change(() => (note.pinned = !note.pinned), "pin");
    },
    remove: (key) => remove(key),
    history: (key) => history.toggle(key),
    keys: () => showKeys(),
  };
  pane = new NotePane($("page"), { book, people, status, do: acts });
  const history = new History(pane, {
    token, canAsk: () => store.status.online && !store.offline,
    restore: (key, past) => bringBack(key, past),
  });
  const list = new List({ list: $("list"), tags: $("tags"), search: $("search"), found: $("found") }, book, people);

  function create() {
    if ($("create").disabled) return;
    fresh = book.create({ tag: list.tag });
    $("search").value = "";
    go(fresh);
  }

  function remove(key) {
    const copy = book.copyOf(key);
    const next = list.beside(1) === key ? list.beside(-1) : list.beside(1);
    pane.close();
    notes.delete(key);
    go(next === key || matchMedia("(max-width: 720px)").matches ? null : next);
    toast(`“${copy.title || "Untitled"}” is deleted, for everybody.`, "Bring back", () => go(book.restore(copy)));
  }

  function bringBack(key, past) {
    book.change(key, (note) => {
      note.body.applyDiff(past.body);
      if (past.title !== (note.title ?? "")) note.title = past.title;
    }, "brought back");
    pane.editor.refresh();
    toast("Brought back. What was here is in the history.");
  }

  function drawRefused(refused) {
    const done = (ones) => {
      for (const one of ones) notes.dismiss(one);
      status.draw();
    };
    const titleOf = (key) => `“${book.summary(key).title || "Untitled"}”`;
    const found = refusals(refused, {
      titleOf,
      may: (key) => notes.mayWrite(key),
      again: (ones) => {
        for (const one of ones) notes.again(one);
        done(ones);
      },
      dismiss: (ones) => done(ones),
    });
    const place = document.querySelector(".refusals") ?? document.querySelector(".blank");
    place?.querySelector(".refused")?.remove();
    if (found) place?.prepend(found);
  }

  /** What may be done here: a token may open the notes to be read only. */
  function drawRights() {
    const create = notes.mayWrite(notes.create());
    $("create").disabled = !create;
    for (const button of document.querySelectorAll(".blank .primary")) button.disabled = !create;
    pane?.allow();
  }

  function route() {
    const key = keyIn(location.hash);
    const isThere = key !== null && notes.has(key);
    history.close();
    $("app").dataset.screen = isThere ? "note" : "list";
    if (isThere) pane.open(key, { isNew: key === fresh });
    else {
      pane.close();
      drawBlank(key !== null);
    }
    fresh = null;
    list.show(isThere ? key : null);
    status.draw();
  }

  function drawBlank(isGone) {
    document.title = "Notes";
    const [head, text] = isGone ? ["This note is not here", "It was deleted, or has not arrived yet."]
      : notes.size ? ["Nothing open", "Choose a note, or begin a new one."]
      : ["A quiet place to begin", "Whatever you write is on every node, and here when there is none."];
    $("page").replaceChildren(h("div.blank", {}, h("div.sheet", { "aria-hidden": "true" }, h("i"), h("i"), h("i")),
      h("h2", {}, head), h("p", {}, text),
      h("button.primary", { type: "button", onclick: create, disabled: !notes.mayWrite(notes.create()) }, "New note")));
  }

  book.subscribe((keys) => {
    const key = keyIn(location.hash);
    if (key !== null && keys.includes(key) && notes.has(key) !== (pane.key === key)) route();
  });
  const unclear = () => {
    for (const button of document.querySelectorAll('button[aria-label^="History"]')) {
      button.disabled = store.offline || !store.status.online;
    }
  };
  store.subscribe(unclear);
  $("create").addEventListener("click", create);
  $("me").addEventListener("click", () => askMe(me, () => {
    drawMe();
    people.say();
  }, { who: store.status.who, signOut: () => signOut(store) }));
  window.addEventListener("hashchange", () => (route(), unclear()));
  window.addEventListener("pagehide", () => pane.close());
  window.addEventListener("pageshow", (event) => event.persisted && route());
  document.addEventListener("keydown", (event) => keys(event, { create, list, pane, history, go, acts }));
  window.notes = { store, notes, book, pane }; // for whoever looks at it from the console
  route();
  const first = list.shown[0];
  if (keyIn(location.hash) === null && first && !matchMedia("(max-width: 720px)").matches) go(first);
  unclear();
  document.documentElement.dataset.ready = "yes";
}

function keys(event, { create, list, pane, history, go, acts }) {
  const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || event.target.isContentEditable;
  if (document.querySelector("dialog[open]") || event.isComposing) return;
  const byAlt = { KeyN: create, KeyH: () => pane.key && history.toggle(pane.key), KeyP: () => pane.key && acts.pin(pane.key) };
  if (event.altKey && !event.ctrlKey && !event.metaKey) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.code];
    if (byAlt[event.code]) byAlt[event.code]();
    else if (step && list.beside(step)) go(list.beside(step));
    else return;
  } else if (event.key === "Escape" && !event.defaultPrevented) {
    if (history.isOpen) history.close();
    else if (isTyping && event.target.id !== "search") event.target.blur();
    else if (pane.key && matchMedia("(max-width: 720px)").matches) go(null);
    else return;
  } else if (isTyping || event.ctrlKey || event.metaKey) return;
  else if (event.key === "/") $("search").focus();
  else if (event.key === "?") acts.keys();
  else return;
  event.preventDefault();
}

/** The key in an address; null if there is none. */
function keyIn(hash) {
  try {
    return hash.startsWith("#/") && hash.length > 2 ? decodeURIComponent(hash.slice(2)) : null;
  } catch {
    return null;
  }
}

/** Something in place of a note, before there are any. */
function say(...parts) {
  const [head, text, ...more] = parts;
  $("blank")?.replaceChildren(h("h2", {}, head), h("p", {}, text), ...more);
}

function failed(error) {
  clearTimeout(waiting);
  $("create").disabled = true;
  const button = (words, act) => h("button.primary", { type: "button", onclick: act }, words);
  if (error.code === "NotSignedIn") {
    const why = shownToken() ? `The token that is kept here does not open the notes: ${error.message}.` : "";
    say("Who is there?", "These notes are for people who are known here.", button("Sign in", () => signedIn(why)));
    signedIn(why);
  } else if (error.code === "NotAllowed") {
    const who = opening?.status.who ?? "You";
    say("These notes are not for you to read", `${who} may not read them. Whoever keeps this cluster can change that; this page goes on by itself when they have.`,
      button("Sign in as somebody else", () => signOut(opening ?? {})));
    again();
  } else {
    say("The notes cannot be opened", error.message, button("Try again", () => location.reload()));
    console.error(error);
  }
}

async function signedIn(why) {
  if (await signIn({ why })) location.reload();
}

/** Rights may be given: look again now and then. */
function again() {
  setTimeout(() => opening.documents(COLLECTION, NOTE).then(() => location.reload(), again), AGAIN_MS);
}

/** A worker keeps the app's files, so that it opens at once, and without any node. */
async function keepFiles() {
  const { serviceWorker } = navigator;
  if (!serviceWorker || !window.isSecureContext) return;
  serviceWorker.addEventListener("message", ({ data }) => {
    document.documentElement.dataset.files = data;
    if (data === "newer") toast("A newer version of this page is here.", "Reload", () => location.reload());
  });
  await serviceWorker.register("offline.js");
  const { active } = await serviceWorker.ready;
  const loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
  active.postMessage({ loaded: [location.href, ...loaded] });
}

/** What could not be written, and why; it is not on the page either. */
function refusedHere(error) {
  if (typeof error?.code === "string" && error.message) toast(`That was not written: ${error.message}`);
}

window.addEventListener("error", ({ error }) => refusedHere(error));
window.addEventListener("unhandledrejection", ({ reason }) => refusedHere(reason));
const waiting = setTimeout(() => say("Looking for a node …", "The notes are fetched once; from then on they are here."), 2500);
start().then(() => clearTimeout(waiting), failed);
setTimeout(() => keepFiles().catch(() => null), 1500); // when there is nothing else to do
