/**
 * A sheet over the page: beside what it is about where there is room, at the bottom where not.
 *
 * It is a `<dialog>`: focus stays within, Escape closes, and focus goes back where it came from.
 * Invariant: one sheet at a time.
 */

import { h, refocus } from "./dom.js";

let open = null;

/**
 * @param {HTMLElement} content @param {{anchor?: Element|null, label: string, wide?: boolean, onclose?: () => void}} options
 * @returns {{close: () => void, dialog: HTMLDialogElement}}
 */
export function sheet(content, { anchor = null, label, wide = false, onclose = () => {} }) {
  open?.close();
  const back = document.activeElement?.closest?.("[data-focus]")?.getAttribute("data-focus");
  const dialog = /** @type {HTMLDialogElement} */ (h(`dialog.sheet${wide ? ".wide" : ""}`, { "aria-label": label }, content));
  document.body.append(dialog);
  const box = anchor?.isConnected ? anchor.getBoundingClientRect() : null;
  dialog.showModal();
  if (box) beside(dialog, box);
  const made = {
    dialog,
    close: () => dialog.open && dialog.close(),
    place: () => box && beside(dialog, box),
  };
  open = made;
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (open === made) open = null;
    onclose();
    if (back) requestAnimationFrame(() => document.activeElement === document.body && refocus(document.body, back));
  });
  let pressed = false;
  dialog.addEventListener("pointerdown", (event) => (pressed = event.target === dialog));
  dialog.addEventListener("click", (event) => event.target === dialog && pressed && dialog.close());
  return made;
}

/** Whether a sheet is open. */
export const isSheetOpen = () => open !== null;

function beside(dialog, box) {
  if (innerWidth < 720) return;
  const { offsetWidth: width, offsetHeight: height } = dialog;
  const gap = 10;
  let left = box.right + gap;
  if (left + width > innerWidth - gap) left = box.left - width - gap;
  if (left < gap) left = Math.min(Math.max(gap, box.left), innerWidth - width - gap);
  const top = Math.min(Math.max(gap, box.top - 24), innerHeight - height - gap);
  dialog.style.setProperty("left", `${Math.max(gap, left)}px`);
  dialog.style.setProperty("top", `${Math.max(gap, top)}px`);
  dialog.classList.add("placed");
}

/** Ask for one of a few things, beside an anchor. @returns {Promise<string|null>} its name */
export function choice(anchor, question, options) {
  return new Promise((resolve) => {
    let chosen = null;
    const content = h(
      "div.choice", null, h("p", null, question),
      options.map(({ name, title, classes = "" }) => h(`button${classes}`, {
        type: "button", "data-choice": name,
        onclick: () => {
          chosen = name;
          made.close();
        },
      }, title)),
    );
    const made = sheet(content, { anchor, label: question, onclose: () => resolve(chosen) });
  });
}

/** A line at the bottom that goes by itself, with one thing to do. */
export function toast(text, action = "", act = () => {}) {
  document.querySelector(".toast")?.remove();
  const line = h("div.toast", { role: "status" }, h("span", null, text),
    action && h("button", { type: "button", onclick: () => (line.remove(), act()) }, action));
  document.body.append(line);
  setTimeout(() => line.remove(), 7000);
}
