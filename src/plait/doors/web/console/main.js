/* The console begins here: views, keys, the colour scheme, who is signed in, and the pulse.
 * Invariant: the address says which view is shown; every key does what the help says.
 * Absent: what a view shows. */

import { Api } from "./api.js";
import { ClusterView } from "./cluster.js";
import { ConflictsView } from "./conflicts.js";
import { DataView } from "./data.js";
import { followOut, showPerson, signIn } from "../kit/token.js";
import { showHelp } from "./dialogs.js";
import { h, put, say } from "./dom.js";
import { seconds } from "./format.js";
import { Pulse } from "./pulse.js";
import { RescuedView } from "./rescued.js";

const at = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const VIEWS = ["cluster", "data", "conflicts", "rescued"];
const api = new Api();
api.signIn = (why) => signIn({ base: api.home, why: why && `The token that is kept here is worth nothing any more: ${why}.` });
const context = { api, toast, badge };
const views = {
  cluster: new ClusterView(at("view-cluster"), context),
  data: new DataView(at("view-data"), context),
  conflicts: new ConflictsView(at("view-conflicts"), context),
  rescued: new RescuedView(at("view-rescued"), context),
};
let shown = "cluster";

// --------------------------------------------------------------------------------- views

function route() {
  const [name, ...rest] = decodeURIComponent(location.hash.slice(1)).split("/");
  shown = VIEWS.includes(name) ? name : "cluster";
  for (const each of VIEWS) {
    at(`view-${each}`).hidden = each !== shown;
    put(/** @type {Element} */ (document.querySelector(`[data-view="${each}"]`)), "aria-current", each === shown ? "page" : null);
    if (each !== shown) views[each].hide?.();
  }
  views[shown].show?.(rest.join("/"));
}

function badge(name, number) {
  const element = at(`count-${name}`);
  element.hidden = !number;
  say(element, number > 99 ? "99+" : number);
  put(element, "aria-label", `, ${number}`);
}

function toast(text, bad = false) {
  const element = h("p", { class: bad ? "toast bad" : "toast" }, text);
  at("toasts").append(element);
  setTimeout(() => element.remove(), bad ? 8000 : 4000);
}

// --------------------------------------------------------------------------------- pulse

let doors = {};
let home = "";
const pulse = new Pulse(api, {
  demoQuery: () => `after=${views.cluster.beats.after}&told=${views.cluster.told}`,
  news(model, demo, status) {
    at("notice").hidden = true;
    say(at("cluster-name"), model.cluster);
    home = status.node ?? "";
    person(status.who ?? null);
    if (isBlind(model)) return views.cluster.bar(status.who ?? "You");
    const worst = model.nodes.some((node) => node.state !== "up");
    document.title = `${worst ? "⚠ " : ""}${model.cluster || "Plait"}`;
    for (const node of model.nodes) if (node.status.doors?.http) doors[node.name] = node.status.doors.http;
    if (demo) eyes(demo.views);
    views.cluster.update(model, demo);
  },
  silence(since, error) {
    const notice = at("notice");
    notice.hidden = false;
    const who = pulse.demo ? "The demo" : home ? `${home}, which serves this page,` : "The node that serves this page";
    const whom = error.status ? `refuses to say how things are: ${error.message}` : `has not answered for ${seconds((Date.now() - since) / 1000)}. What is shown is old`;
    const others = Object.entries(doors).filter(([name]) => name !== home);
    const signIn = error.status === 401 ? [" ", h("button", { type: "button", onclick: () => { api.declined = false; } }, "Sign in")] : [];
    notice.replaceChildren(`${who} ${whom}.`, ...signIn, ...others.map(([name, address]) => h("a", { href: `${address}/${location.hash}` }, `the console of ${name}`)));
  },
});

/** Who is signed in. @param {string|null} who */
function person(who) {
  at("who").hidden = who === null;
  say(at("who-name"), who ?? "");
  put(at("who"), "title", `Signed in as ${who}`);
}

/** Some may read what is stored, and not how the cluster is. @param {any} model */
function isBlind({ nodes }) {
  return nodes.length > 0 && nodes.every((node) => String(node.status.error ?? "").includes("lacks read on @cluster"));
}

/** Through which node data is looked at. @param {Record<string, string>} paths by node */
function eyes(paths) {
  const select = /** @type {HTMLSelectElement} */ (at("eyes-select"));
  const names = Object.keys(paths ?? {});
  at("eyes").hidden = !names.length;
  if (select.options.length !== names.length + 1) {
    select.replaceChildren(h("option", { value: "" }, "any node"), ...names.map((name) => h("option", { value: paths[name] }, name)));
  }
}

at("eyes-select").addEventListener("change", (event) => {
  api.through(/** @type {HTMLSelectElement} */ (event.target).value);
  for (const view of ["data", "conflicts", "rescued"]) views[view].again();
  route();
});

// ---------------------------------------------------------------------------------- keys

function switchScheme() {
  const root = document.documentElement;
  const dark = root.dataset.scheme ? root.dataset.scheme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.scheme = dark ? "light" : "dark";
  try { localStorage.setItem("plait-scheme", root.dataset.scheme); } catch { /* for this page only */ }
  views.cluster.recolour();
}

document.addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  const typing = target.closest("input, textarea, select, dialog");
  if (event.ctrlKey || event.metaKey || event.altKey || typing) return;
  if (/^[1-4]$/.test(event.key)) location.hash = VIEWS[Number(event.key) - 1];
  else if (event.key === "?") showHelp(Boolean(pulse.demo));
  else if (event.key === "t") switchScheme();
  else if (!(shown === "cluster" ? views.cluster.hand.key(event.key) : views[shown].key?.(event.key))) return;
  event.preventDefault();
});
at("scheme").addEventListener("click", switchScheme);
at("who").addEventListener("click", () => showPerson(at("who-name").textContent ?? ""));
followOut(() => pulse.stop());
at("help").addEventListener("click", () => showHelp(Boolean(pulse.demo)));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => views.cluster.recolour());
addEventListener("hashchange", route);
route();
pulse.start();
