/**
 * The buttons over a note: what a line is, how words look, and the link that is being written.
 *
 * Invariant: a button shows as pressed what is so at the caret; pressing it never takes the caret
 * out of the text. Absent: anything that keys cannot do.
 */

import { h, icon } from "./dom.js";
import { addressOf } from "./inline.js";

const MAC = /mac|iphone|ipad/i.test(navigator.platform ?? "");
const key = (text) => text.replace("Mod", MAC ? "⌘" : "Ctrl").replace("Alt", MAC ? "⌥" : "Alt");

/** [command, what is on the button, name, keys] */
const GROUPS = [
  [
    ["h1", "H1", "Large heading", "Mod+Alt+1"],
    ["h2", "H2", "Heading", "Mod+Alt+2"],
    ["h3", "H3", "Small heading", "Mod+Alt+3"],
  ],
  [
    ["bold", "B", "Bold", "Mod+B"],
    ["italic", "I", "Italic", "Mod+I"],
    ["strike", "S", "Struck", "Mod+Shift+X"],
    ["code", "<>", "Code", "Mod+E"],
    ["link", "link", "Link", "Mod+K"],
  ],
  [
    ["item", "bullets", "List", "Mod+Alt+8"],
    ["number", "numbers", "Numbered list", "Mod+Alt+7"],
    ["todo", "todo", "Things to do", "Mod+Alt+9"],
    ["quote", "quote", "Quotation", ""],
  ],
];

export class Toolbar {
  /** @param {(name: string) => void} command */
  constructor(command) {
    this.buttons = new Map();
    this.element = h("div.tools", { role: "toolbar", "aria-label": "Format" });
    for (const group of GROUPS) {
      const box = h("div.group");
      for (const [name, sign, title, keys] of group) {
        const drawn = sign.length > 2 ? icon(sign) : h("span", { dataset: { sign: name }, "aria-hidden": "true" }, sign);
        const button = h("button", {
          type: "button", "aria-pressed": "false", "aria-label": title, tabindex: "-1",
          title: keys ? `${title} (${key(keys)})` : title,
          onmousedown: (event) => event.preventDefault(),
          onclick: () => command(name),
        }, drawn);
        this.buttons.set(name, button);
        box.append(button);
      }
      this.element.append(box);
    }
    this.element.firstChild.firstChild.tabIndex = 0;
    this.element.addEventListener("keydown", (event) => this.#keydown(event));
  }

  /** @param {{kind: string, marks: Record<string, boolean>}} state */
  show({ kind, marks }) {
    for (const [name, button] of this.buttons) {
      const pressed = String(name === kind || Boolean(marks[name]));
      if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed);
    }
  }

  #keydown(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const all = [...this.buttons.values()];
    const next = all[(all.indexOf(document.activeElement) + step + all.length) % all.length];
    all.forEach((button) => (button.tabIndex = button === next ? 0 : -1));
    next.focus();
  }
}

/** The small form for a link's address, beside the words that it is for. */
export class LinkForm {
  /** @param {HTMLElement} parent @param {import("./editor.js").Editor} editor */
  constructor(parent, editor) {
    this.editor = editor;
    this.range = [0, 0];
    this.input = h("input", { type: "text", inputmode: "url", placeholder: "Address, example.org", "aria-label": "Address", spellcheck: "false" });
    this.remove = h("button.quiet", { type: "button", onclick: () => this.#set(null) }, "Remove");
    this.visit = h("a.quiet", { target: "_blank", rel: "noopener noreferrer" }, "Open");
    this.element = h("form.link", { hidden: true, onsubmit: (event) => this.#submit(event) },
      this.input, h("button.quiet.strong", {}, "Save"), this.visit, this.remove);
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.hide();
      this.editor.focus(this.range[1]);
    });
    this.element.addEventListener("focusout", (event) => {
      if (!this.element.contains(event.relatedTarget)) this.hide();
    });
    parent.append(this.element);
  }

  /** Ask for the address of what is selected, or of the link that the caret is in. */
  ask() {
    const { writing } = this.editor;
    const { link } = writing.state();
    const [from, to] = writing.range;
    if (from === to && !link) return this.#nothing();
    this.range = link && from === to ? [link[0], link[1]] : [from, to];
    this.#show(link?.[2] ?? "");
    this.input.focus();
    this.input.select();
    return undefined;
  }

  #nothing() {
    this.editor.root.animate?.([{ opacity: 1 }, { opacity: 0.6 }, { opacity: 1 }], { duration: 160 });
  }

  #show(address) {
    const rect = this.editor.surface.caret(this.range[0]);
    const origin = this.element.offsetParent?.getBoundingClientRect() ?? this.element.parentElement.getBoundingClientRect();
    this.element.hidden = false;
    const left = Math.max(0, Math.min(rect.left - origin.left, origin.width - this.element.offsetWidth));
    this.element.style.left = `${left}px`;
    this.element.style.top = `${rect.bottom - origin.top + 6}px`;
    this.input.value = address;
    this.input.setCustomValidity("");
    this.remove.hidden = this.visit.hidden = !address;
    if (address) this.visit.href = addressOf(String(address)) ?? "#";
  }

  hide() {
    this.element.hidden = true;
  }

  #submit(event) {
    event.preventDefault();
    const address = addressOf(this.input.value);
    if (!address && this.input.value.trim()) {
      this.input.setCustomValidity("That is no address of the web, nor of a mailbox.");
      this.input.reportValidity();
      this.input.addEventListener("input", () => this.input.setCustomValidity(""), { once: true });
    } else this.#set(address);
  }

  #set(address) {
    const { range } = this;
    this.hide();
    this.editor.mark("link", address, range);
    this.editor.focus(range[1]);
  }
}
