/* One field of a document, edited as what it is: each kind has its control, and each edit is an
 * operation of that kind.
 * Invariant: while somebody has the focus in a control, nothing that comes from elsewhere replaces
 * what they are typing.
 * Absent: kinds that are not edited here (trees, maps, counters with bounds) are shown as JSON. */

import { h, put, say } from "./dom.js";
import { text } from "./difference.js";

/**
 * @param {string} kind @param {string} name @param {(operations: any[]) => void} operate
 * @returns {{element: HTMLElement, show: (value: any) => void}}
 */
export function control(kind, name, operate) {
  const make = { register, ask: register, merge: register, text: prose, counter, grow_counter: counter, flag, disable_flag: flag, add_wins_set: chips, remove_wins_set: chips, grow_set: chips, two_phase_set: chips, list }[kind];
  return make ? make(name, (operation) => operate([{ ...operation, path: [name], kind }]), kind) : plain();
}

function register(name, operate) {
  let [known, wasText] = ["", true];
  const field = h("input", { "aria-label": name, onchange: () => operate({ op: "set", value: wasText ? field.value : parsed(field.value) }), onkeydown: (event) => { if (event.key === "Enter") field.blur(); if (event.key === "Escape") { field.value = known; field.blur(); } } });
  return {
    element: field,
    show(value) {
      wasText = typeof value === "string" || value === null || value === undefined;
      known = typeof value === "string" ? value : value === null || value === undefined ? "" : JSON.stringify(value);
      if (document.activeElement !== field) field.value = known;
      put(field, "class", wasText ? "" : "mono");
    },
  };
}

function prose(name, operate) {
  let known = "";
  const save = h("button", { type: "button", class: "primary", hidden: true, onclick: () => { known = field.value; operate({ op: "apply_diff", text: field.value }); save.hidden = true; } }, "Save", h("kbd", {}, "Ctrl ↵"));
  const field = h("textarea", {
    rows: 4, "aria-label": name,
    oninput: () => { save.hidden = field.value === known; },
    onkeydown: (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save.click(); if (event.key === "Escape") field.blur(); },
  });
  return {
    element: h("div", { class: "prose" }, field, save),
    show(value) {
      if (field.value !== known && !save.hidden) return;
      known = value ?? "";
      field.value = known;
      field.rows = Math.min(16, Math.max(3, known.split("\n").length + Math.floor(known.length / 90)));
      save.hidden = true;
    },
  };
}

function counter(name, operate, kind) {
  const figure = h("output", { class: "mono counter-figure" });
  const less = kind === "grow_counter" ? null : h("button", { type: "button", "aria-label": `One less of ${name}`, onclick: () => operate({ op: "subtract", value: 1 }) }, "−");
  return {
    element: h("div", { class: "counter" }, less, figure, h("button", { type: "button", "aria-label": `One more of ${name}`, onclick: () => operate({ op: "add", value: 1 }) }, "+")),
    show: (value) => say(figure, Number(value ?? 0).toLocaleString("en")),
  };
}

function flag(name, operate) {
  const box = h("input", { type: "checkbox", "aria-label": name, onchange: () => operate({ op: box.checked ? "enable" : "disable" }) });
  return { element: h("label", { class: "flag" }, box), show: (value) => { box.checked = Boolean(value); } };
}

function chips(name, operate, kind) {
  const shown = h("span", { class: "chips" });
  const fixed = kind === "grow_set";
  const field = h("input", { class: "chip-new", placeholder: "add …", "aria-label": `Add to ${name}`, onkeydown: (event) => { if (event.key === "Enter" && field.value.trim()) { operate({ op: "add", value: field.value.trim() }); field.value = ""; } } });
  return {
    element: h("div", { class: "chip-box" }, shown, field),
    show(value) {
      shown.replaceChildren(...[...(value ?? [])].map((one) => h("span", { class: "chip" }, text(one),
        fixed ? null : h("button", { type: "button", class: "quiet", "aria-label": `Remove ${text(one)}`, onclick: () => operate({ op: "remove", value: one }) }, "×"))));
    },
  };
}

function list(name, operate) {
  const shown = h("ol", { class: "items" });
  const field = h("input", { placeholder: "another item …", "aria-label": `Add to ${name}`, onkeydown: (event) => { if (event.key === "Enter" && field.value.trim()) { operate({ op: "append", value: parsed(field.value.trim()) }); field.value = ""; } } });
  return {
    element: h("div", {}, shown, field),
    show(value) {
      shown.replaceChildren(...(value ?? []).map((one, at) => h("li", {}, h("span", {}, text(one)),
        h("button", { type: "button", class: "quiet", "aria-label": `Up: ${text(one)}`, disabled: at ? null : "", onclick: () => operate({ op: "move", at, to: at - 1 }) }, "↑"),
        h("button", { type: "button", class: "quiet", "aria-label": `Remove ${text(one)}`, onclick: () => operate({ op: "delete", at }) }, "×"))));
    },
  };
}

function plain() {
  const element = h("pre", { class: "plain" });
  return { element, show: (value) => say(element, JSON.stringify(value, null, 2)) };
}

function parsed(typed) {
  try { return JSON.parse(typed); } catch { return typed; }
}
