/**
 * What is asked or told in front of everything: who I am, the keys; and toasts.
 *
 * Invariant: every dialog is closed by Escape, and nothing is lost by that.
 */

import { h } from "./dom.js";
import { hues, initials } from "./people.js";

function open(label, ...children) {
  const dialog = h("dialog", { "aria-label": label, onclose: () => dialog.remove() }, ...children);
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/**
 * My name and colour. @param {import("./people.js").Me} me @param {() => void} done
 * @param {{who: string|null, signOut: () => void}} signed
 */
export function askMe(me, done, { who, signOut }) {
  let { hue } = me;
  const name = h("input", { value: me.name, maxlength: "40", "aria-label": "Your name", autocomplete: "nickname" });
  const face = h("span.face.large", { style: { "--hue": hue } }, initials(me.name));
  name.addEventListener("input", () => (face.textContent = initials(name.value || me.name)));
  const colours = hues().map((one) => h("button.colour", {
    type: "button", style: { "--hue": one }, "aria-pressed": String(one === hue), "aria-label": `Colour ${one}`,
    onclick: (event) => {
      hue = one;
      face.style.setProperty("--hue", one);
      for (const other of colours) other.setAttribute("aria-pressed", String(other === event.currentTarget));
    },
  }));
  const dialog = open("You", h("form", {
    method: "dialog",
    onsubmit: () => {
      me.become(name.value, hue);
      done();
    },
  }, h("div.who", {}, face, h("div", {}, h("h2", {}, "You"), h("p", {}, "As others see you beside your caret; in the history, from your next visit on."))),
  name, h("div.colours", { role: "group", "aria-label": "Colour" }, ...colours),
  who === null ? null : h("p.signed", {}, h("span", {}, "Signed in as ", h("strong", {}, who)),
    h("button.quiet", { type: "button", onclick: () => (dialog.close(), signOut()) }, "Sign out")),
  h("div.actions", {}, h("button.primary", {}, "Done"))));
  name.select();
  return dialog;
}

const MOD = /mac|iphone|ipad/i.test(navigator.platform ?? "") ? "⌘" : "Ctrl";
const KEYS = [
  ["Notes", [["Alt N", "New note"], ["/", "Search"], ["Alt ↑ ↓", "Note before, after"], ["Alt H", "History"], ["Esc", "Back to the list"]]],
  ["Lines", [["# ## ###", "Headings"], ["- 1. >", "List, numbers, quotation"], ["[]", "To do"], ["Tab", "Deeper; Shift: less"], [`${MOD} ↵`, "Tick"]]],
  ["Words", [[`${MOD} B I E`, "Bold, italic, code"], [`${MOD} K`, "Link"], ["**bold** `code`", "as you type"], [`${MOD} Z`, "Undo what you did"]]],
];

/** All keys. */
export function showKeys() {
  return open("Keys", h("form.keys", { method: "dialog" }, h("h2", {}, "Keys"),
    ...KEYS.map(([name, keys]) => h("section", {}, h("h3", {}, name),
      h("dl", {}, ...keys.flatMap(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)])))),
    h("div.actions", {}, h("button.primary", {}, "Close"))));
}

const TOAST_MS = 7000;

/** Something that was done, and how to take it back. */
export function toast(text, action, act) {
  const element = h("div.toast", {}, h("span", {}, text),
    action ? h("button", { type: "button", onclick: () => (act(), element.remove()) }, action) : null);
  document.getElementById("toasts").replaceChildren(element);
  setTimeout(() => element.remove(), TOAST_MS);
}
