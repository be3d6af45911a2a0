/* What is asked and told in front of everything else: keys, names, whether somebody is sure.
 * Invariant: Escape closes each; the focus goes back to where it was.
 * Absent: answers that change anything; who asked does that. */

import { h } from "./dom.js";

/** @param {any} dialog @param {() => void} [closed] */
function open(dialog, closed) {
  document.body.append(dialog);
  dialog.addEventListener("close", () => {
    dialog.remove();
    closed?.();
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.showModal();
}

/** @param {boolean} demo */
export function showHelp(demo) {
  if (document.querySelector("dialog[open]")) return;
  const row = (keys, text) => h("div", {}, h("span", {}, text), h("span", {}, keys.map((key) => [h("kbd", {}, key), " "])));
  const dialog = h("dialog", { "aria-label": "Keys" }, h("h2", {}, "Keys"), h("div", { class: "keys" },
    h("h3", {}, "Everywhere"), row(["1", "…", "4"], "the views"), row(["t"], "light or dark"), row(["?"], "this"), row(["Esc"], "close, go back"),
    h("h3", {}, "Lists"), row(["↑", "↓"], "one up, one down"), row(["Enter"], "open"), row(["/"], "search keys"),
    h("h3", {}, "Data"), row(["n"], "a new row or document"), row(["Ctrl", "Enter"], "save"),
    h("h3", {}, "Conflicts"), row(["a", "b", "…"], "keep this version"), row(["e"], "write another value"),
    demo && [h("h3", {}, "The world, with a node or a link picked"), row(["c"], "cut, mend"), row(["s"], "slow down, full speed"), row(["p"], "pause, go on"), row(["x"], "kill -9, start again"), row(["h"], "heal everything")]),
    h("form", { method: "dialog", class: "row" }, h("button", {}, "Close")));
  open(dialog);
}

/** @param {string} title @param {string} suggested @returns {Promise<string>} "" for none */
export function askKey(title, suggested) {
  return new Promise((resolve) => {
    const field = h("input", { "aria-label": "Key", required: true, value: suggested, maxlength: 1024 });
    let answer = "";
    const dialog = h("dialog", { "aria-label": title }, h("form", { method: "dialog", class: "sign-in", onsubmit: () => { answer = field.value; } },
      h("h2", {}, title), field, h("div", { class: "row" }, h("button", { type: "button", onclick: () => dialog.close() }, "Leave it"), h("button", { class: "primary" }, "Go on"))));
    open(dialog, () => resolve(answer));
    field.select();
  });
}

/** @param {string} title @param {string} text @param {string} verb @returns {Promise<boolean>} */
export function sure(title, text, verb) {
  return new Promise((resolve) => {
    let answer = false;
    const dialog = h("dialog", { "aria-label": title }, h("h2", {}, title), h("p", {}, text),
      h("form", { method: "dialog", class: "row" },
        h("button", { type: "submit" }, "Leave it"), h("button", { type: "submit", class: "danger", onclick: () => { answer = true; } }, verb)));
    open(dialog, () => resolve(answer));
  });
}
