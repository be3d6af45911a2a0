/**
 * The editing surface: keys, pointers, clipboards and input methods, turned into edits of a text.
 *
 * Nothing that the browser would do to the page is let happen: every input is turned into patches
 * of the text (edits.js), which is then shown. The one exception is a composition (an input method,
 * a dead key, a phone's keyboard): the browser writes, and what the line says afterwards is compared
 * with what it said. Meanwhile the page is left alone; what others write is shown when it ends.
 *
 * Invariants: outside of compositions the page shows exactly the text; my selection is put back on
 * the page after each drawing. Absent: pasting anything but plain text.
 */

import * as edits from "./edits.js";
import { runsOf, safeAddress } from "./inline.js";
import { lineIndexAt, linesOf } from "./lines.js";
import { difference, moved, patched } from "./places.js";
import { Surface, wordsOf } from "./surface.js";
import { Writing } from "./writing.js";

const KINDS = new Set(["text", "h1", "h2", "h3", "item", "number", "todo", "quote"]);
const PASTE_MAX = 200_000; // characters
const KEYS = { b: "bold", i: "italic", e: "code", k: "link", z: "undo", y: "redo" };
const KINDS_BY_KEY = { 0: "text", 1: "h1", 2: "h2", 3: "h3", 7: "number", 8: "item", 9: "todo" };

export class Editor {
  /**
   * @param {HTMLElement} root
   * @param {{selected: () => void, edited: () => void, link: () => void}} tell
   */
  constructor(root, tell) {
    this.root = root;
    this.tell = tell;
    this.surface = new Surface(root);
    /** @type {Writing|null} */
    this.writing = null;
    this.composing = null; // {index, line, steps, text: the field's, as last read}
    this.readOnly = false;
    for (const [name, hear] of Object.entries({
      beforeinput: this.#beforeInput, input: this.#readComposed, keydown: this.#keydown,
      paste: this.#paste, copy: this.#copy, cut: this.#copy, drop: this.#drop, click: this.#click,
      compositionstart: this.#compose, compositionend: this.#composed, mousedown: this.#press,
    })) root.addEventListener(name, (event) => this.writing && this.#hear(name, hear, event));
    document.addEventListener("selectionchange", () => this.#selectionChanged());
  }

  /** Show a text field of a document. @param {(make: () => void) => void} batch  one change */
  open(field, batch) {
    this.composing = null;
    this.writing = new Writing(field, batch);
    this.#draw();
  }

  /** Show nothing. */
  close() {
    this.composing = this.writing = null;
    this.root.replaceChildren();
  }

  /** What is written here would be refused: it is for reading, and for copying. @param {boolean} readOnly */
  lock(readOnly) {
    if (this.readOnly === readOnly) return;
    if (readOnly && this.composing) this.#composed(); // what was typed is not lost, but said to be refused
    this.readOnly = readOnly;
    this.root.contentEditable = String(!readOnly);
    this.root.setAttribute("aria-readonly", String(readOnly));
  }

  #hear(name, hear, event) {
    if (!this.readOnly || event.type === "copy") hear.call(this, event);
    else if (name === "click" && event.target.closest?.(".box")) event.preventDefault();
  }

  /** Whether my caret is in here. */
  get focused() {
    return document.activeElement === this.root;
  }

  /** @param {number} [place] */
  focus(place = this.writing?.text.length ?? 0) {
    if (!this.writing) return;
    this.root.focus({ preventScroll: true });
    this.writing.choose(place, place);
    this.#put();
    this.tell.selected();
  }

  /** The text may have changed. @param {import("./places.js").Patch[]} [patches] if known */
  refresh(patches) {
    const { writing, composing } = this;
    if (!writing || writing.busy) return;
    if (composing) {
      const now = String(writing.field);
      writing.undo.follow(difference(composing.text, now));
      composing.text = now;
      return;
    }
    writing.follow(patches);
    this.#draw();
    if (this.focused) this.#put();
    this.tell.selected();
  }

  #draw() {
    const { text, delta } = this.writing;
    const lines = linesOf(text);
    this.surface.render(lines, runsOf(delta, lines));
    this.root.dataset.empty = text === "" ? "yes" : "no";
  }

  #put() {
    const [anchor, head] = this.writing.select;
    const [from, to] = [this.surface.spot(anchor), this.surface.spot(head)];
    const now = document.getSelection();
    const isThere = now.anchorNode === from[0] && now.anchorOffset === from[1]
      && now.focusNode === to[0] && now.focusOffset === to[1];
    if (!isThere) now.setBaseAndExtent(...from, ...to);
  }

  /** Do something to the text, and show what came of it. @param {(writing: Writing) => void} act */
  #act(act) {
    act(this.writing);
    this.#draw();
    this.tell.edited();
    this.tell.selected();
    if (!this.focused) return;
    this.#put();
    const [node] = this.surface.spot(this.writing.select[1]);
    (node.nodeType === Node.TEXT_NODE ? node.parentElement : node).scrollIntoView?.({ block: "nearest" });
  }

  /** @param {edits.Edit} edit */
  #apply(edit, how) {
    this.#act((writing) => writing.apply(edit, how));
  }

  /** A command of the toolbar or a key. @param {string} name @param {unknown} [value] */
  command(name, value) {
    if (!this.writing || this.readOnly) return;
    if (!this.focused) {
      this.root.focus({ preventScroll: true });
      this.#put();
    }
    const { text, select } = this.writing;
    if (KINDS.has(name)) this.#apply(edits.kindToggled(text, select, name));
    else if (name === "undo" || name === "redo") this.#act((writing) => writing.back(name === "redo"));
    else if (name === "tick") this.#apply(edits.tickToggled(text, select));
    else if (name === "link" && value === undefined) this.tell.link();
    else this.#act((writing) => writing.mark(name, value));
  }

  /** Mark a stretch, which need not be selected. @param {[number, number]} range */
  mark(name, value, range) {
    this.#act((writing) => writing.mark(name, value, range));
  }

  // ------------------------------------------------------------------ events

  #selectionChanged() {
    if (!this.writing || this.composing || this.writing.busy || !this.focused) return;
    const { anchorNode, anchorOffset, focusNode, focusOffset } = document.getSelection();
    if (!this.root.contains(anchorNode) || !this.root.contains(focusNode)) return;
    const anchor = this.surface.place(anchorNode, anchorOffset);
    const head = this.surface.place(focusNode, focusOffset);
    const { select } = this.writing;
    if (anchor === null || head === null || (anchor === select[0] && head === select[1])) return;
    this.writing.choose(anchor, head);
    this.tell.selected();
  }

  /** @param {InputEvent} event */
  #beforeInput(event) {
    if (this.composing || event.isComposing) return;
    event.preventDefault();
    const { text, select } = this.writing;
    const kind = event.inputType;
    const [range] = event.getTargetRanges?.() ?? [];
    const target = range ? this.#placesOf(range) : select;
    if (kind === "insertText" || kind === "insertReplacementText") {
      const words = event.data ?? event.dataTransfer?.getData("text/plain") ?? "";
      this.#act((writing) => writing.type(kind === "insertText" ? select : target, words));
    } else if (kind === "insertParagraph") this.#apply(edits.broken(text, select));
    else if (kind === "insertLineBreak") this.#apply(edits.newline(text, select));
    else if (kind.startsWith("delete")) this.#erase(kind, target);
    else if (kind === "historyUndo") this.command("undo");
    else if (kind === "historyRedo") this.command("redo");
  }

  #placesOf({ startContainer, startOffset, endContainer, endOffset }) {
    const from = this.surface.place(startContainer, startOffset);
    const to = this.surface.place(endContainer, endOffset);
    return from === null || to === null ? this.writing.select : [from, to];
  }

  #erase(kind, target) {
    const { text, select } = this.writing;
    const isCaret = select[0] === select[1];
    let special = null;
    if (isCaret && kind.endsWith("Forward")) special = edits.deletedForward(text, select);
    else if (isCaret && kind.endsWith("Backward")) special = edits.backspaced(text, select);
    if (special) return this.#apply(special);
    const range = isCaret ? target : select;
    const erased = isCaret && kind === "deleteContentBackward";
    return range[0] === range[1] ? undefined : this.#apply(edits.cut(text, range), { erased });
  }

  /** @param {KeyboardEvent} event */
  #keydown(event) {
    if (event.isComposing || this.composing) return;
    const { text, select } = this.writing;
    const isCommand = event.ctrlKey || event.metaKey;
    if (event.key === "Tab" && !isCommand && !event.altKey) {
      const edit = edits.indented(text, select, event.shiftKey ? -1 : 1);
      if (!edit.patches.length) return; // leaves the editor, as anywhere
      event.preventDefault();
      this.#apply(edit);
    }
    if (!isCommand) return;
    const key = event.key.toLowerCase();
    let command = event.shiftKey && key === "x" ? "strike" : KEYS[key];
    if (event.altKey) command = KINDS_BY_KEY[event.code.replace("Digit", "")];
    else if (event.key === "Enter") command = "tick";
    else if (command === "undo" && event.shiftKey) command = "redo";
    if (!command) return;
    event.preventDefault();
    event.stopPropagation();
    this.command(command);
  }

  /** @param {ClipboardEvent} event */
  #paste(event) {
    event.preventDefault();
    this.#insert(event.clipboardData?.getData("text/plain") ?? "");
  }

  #insert(raw) {
    const lines = raw.slice(0, PASTE_MAX).replace(/\r\n?|[\u2028\u2029]/g, "\n");
    const words = lines.replaceAll("\0", "").toWellFormed();
    if (!words) return;
    const { text, select } = this.writing;
    const address = safeAddress(words);
    if (address && select[0] !== select[1]) this.mark("link", address);
    else this.#apply(edits.put(text, select, words));
  }

  /** @param {ClipboardEvent} event */
  #copy(event) {
    this.#selectionChanged(); // browsers tell of it later: keys that follow at once come first
    const { text, select, range: [from, to] } = this.writing;
    if (from === to || !event.clipboardData) return;
    event.preventDefault();
    event.clipboardData.setData("text/plain", text.slice(from, to));
    if (event.type === "cut") this.#apply(edits.cut(text, select));
  }

  /** @param {DragEvent} event */
  #drop(event) {
    event.preventDefault();
    const spot = document.caretRangeFromPoint?.(event.clientX, event.clientY);
    const place = spot ? this.surface.place(spot.startContainer, spot.startOffset) : null;
    if (place === null) return;
    this.writing.choose(place, place);
    this.#insert(event.dataTransfer?.getData("text/plain") ?? "");
  }

  #press(event) {
    if (event.target.closest?.(".box")) event.preventDefault(); // the caret stays where it is
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const box = event.target.closest?.(".box");
    if (box) {
      event.preventDefault();
      this.#apply(edits.ticked(this.writing.text, this.surface.lineOf(box)));
      this.surface.settle(this.surface.lineOf(box));
    }
    const link = event.target.closest?.("a[href]");
    if (link && (event.ctrlKey || event.metaKey)) window.open(link.href, "_blank", "noopener");
    if (link) event.preventDefault();
  }

  // ------------------------------------------------------------------ compositions

  #compose() {
    const { writing } = this;
    if (writing.select[0] !== writing.select[1]) this.#apply(edits.cut(writing.text, writing.select));
    const index = lineIndexAt(this.surface.lines, writing.select[0]);
    const line = this.surface.lines[index];
    this.composing = { index, line, steps: writing.undo.done.length, text: writing.text };
  }

  /** The browser wrote into a line: what it says now is what I wrote. */
  #readComposed() {
    const { composing, writing } = this;
    const element = composing && this.root.children[composing.index];
    if (!element) return;
    const { line } = composing;
    const words = wordsOf(element);
    const { focusNode, focusOffset } = document.getSelection();
    const range = document.createRange();
    range.selectNodeContents(words);
    if (words.contains(focusNode)) range.setEnd(focusNode, focusOffset);
    const caret = range.toString().length;
    const old = writing.text.slice(line.content, line.end);
    const shown = difference(old, words.textContent, caret)
      .map((patch) => ({ ...patch, at: patch.at + line.content }));
    writing.select = [line.content + caret, line.content + caret];
    if (!shown.length) return;
    const held = difference(writing.text, composing.text); // what others wrote meanwhile
    const patches = shown.map((patch) => ({ ...patch, at: moved(patch.at, held) }));
    const after = patched(writing.text, shown);
    writing.delta = writing.field.toDelta();
    writing.apply({ patches, select: writing.select });
    composing.text = writing.text;
    writing.text = after; // as the page shows it, until the end
    writing.select = [line.content + caret, line.content + caret];
    line.end += words.textContent.length - old.length;
    this.tell.edited();
  }

  #composed() {
    if (!this.composing) return;
    this.#readComposed();
    const { writing, composing: { index, steps } } = this;
    this.composing = null;
    this.surface.forget(index);
    writing.together(steps);
    const held = difference(writing.text, String(writing.field));
    writing.select = writing.select.map((place) => moved(place, held));
    this.#act(() => writing.read());
  }
}
