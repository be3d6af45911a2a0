/**
 * The calendar begins here: the page, its buttons and keys, and the replica behind it.
 *
 * Absent: everything else; see page.js.
 */

import { followOut, shownToken } from "/kit/token.js";
import { company } from "./company.js";
import { gestures } from "./gestures.js";
import { NARROW_PX } from "./looking.js";
import { Notebook } from "./notebook.js";
import { Page } from "./page.js";
import { isSheetOpen } from "./sheet.js";
import { openStore } from "./store.js";

const $ = (id) => document.getElementById(id);

const page = new Page();

function keys(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isSheetOpen()) return;
  if (event.target.closest?.("input, textarea, select")) return;
  const act = {
    t: () => page.pick(page.today, true), m: () => page.go("month"), w: () => page.go("week"), a: () => page.go("agenda"),
    n: () => page.newOn(page.picked), j: () => page.turn(1), k: () => page.turn(-1),
    PageDown: () => page.turn(1), PageUp: () => page.turn(-1), ArrowRight: () => page.turn(1), ArrowLeft: () => page.turn(-1),
  }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function wire() {
  for (const tab of document.querySelectorAll("[data-go]")) tab.addEventListener("click", () => page.go(tab.dataset.go));
  $("back").addEventListener("click", () => page.turn(-1));
  $("on").addEventListener("click", () => page.turn(1));
  $("today").addEventListener("click", () => page.pick(page.today, true));
  $("new").addEventListener("click", () => page.newOn(page.picked));
  $("menu").addEventListener("click", () => document.body.classList.toggle("side-open"));
  $("shade").addEventListener("click", () => document.body.classList.remove("side-open"));
  addEventListener("keydown", (event) => event.key === "Escape" && document.body.classList.remove("side-open"));
  addEventListener("keydown", keys);
  addEventListener("resize", () => {
    page.narrow = innerWidth < NARROW_PX;
    page.draw();
  });
  setInterval(() => page.draw(), 30_000);
  gestures($("page"), page);
}

async function start() {
  wire();
  page.drawNow();
  page.store = await openStore(page.me);
  page.store.subscribe(() => page.draw());
  followOut(() => page.store.close());
  page.drawFrame();
  const found = await page.store.both((why) => page.wait(why)).catch((error) => {
    if (error.code !== "NotSignedIn") throw error;
    page.wait("Not signed in");
    page.signIn(shownToken() ? `The token that is kept here does not open the calendar: ${error.message}.` : "");
  });
  if (found) run(found);
}

function run({ events, calendars }) {
  page.notebook = new Notebook(events, calendars);
  page.company = company(events, page);
  events.subscribe(({ keys: changed }) => {
    for (const key of changed) page.notebook.refresh(key);
    page.draw();
  });
  events.onStatus(() => page.draw());
  calendars.subscribe(() => {
    page.notebook.version++;
    page.draw();
  });
  page.wait("");
  page.drawNow();
  document.body.dataset.ready = "true";
}

if ("serviceWorker" in navigator && isSecureContext) navigator.serviceWorker.register("worker.js").catch(() => null);
start();
