/**
 * A note's lines as elements, and the way between places in the text and spots on the page.
 *
 * A line is a block with what it begins with (a box to tick, for what is to do) and its words. The
 * prefix that makes it what it is stands in the text and in no element, so every spot on the page
 * is a place in the text, and a prefix has no spot.
 *
 * Invariant: elements are in the order of the lines, one each; those of lines that did not change
 * are not touched, so that selections, compositions and the spelling checker are left alone.
 * Absent: reading from the page what was written there; only a composition is (editor.js).
 */

import { h } from "./dom.js";
import { MARKS, safeAddress } from "./inline.js";
import { lineIndexAt } from "./lines.js";

/** @typedef {import("./lines.js").Line} Line @typedef {import("./inline.js").Run} Run */

const TAGS = { added: "ins", link: "a", bold: "strong", italic: "em", strike: "s", code: "code" };

export class Surface {
  /** @param {HTMLElement} root  holds nothing but the lines */
  constructor(root) {
    this.root = root;
    /** @type {Line[]} */
    this.lines = [];
    /** @type {WeakMap<Element, {looks: string, structure: string}>} */
    this.known = new WeakMap();
  }

  /** Show these lines. @param {Line[]} lines @param {Run[][]} runs */
  render(lines, runs) {
    const { root } = this;
    this.lines = lines;
    const looks = lines.map((line, index) => looksOf(line, runs[index]));
    const have = [...root.children];
    let start = 0;
    while (start < have.length && start < looks.length && this.#is(have[start], looks[start])) start++;
    let tail = 0;
    while (
      tail < have.length - start && tail < looks.length - start
      && this.#is(have.at(-1 - tail), looks.at(-1 - tail))
    ) tail++;
    const stop = looks.length - tail;
    const last = have.length - tail;
    for (let index = stop; index < last; index++) have[index].remove();
    const anchor = have[last] ?? null;
    for (let index = start; index < stop; index++) {
      const reused = index < last ? have[index] : null;
      const element = reused ?? h("div.line");
      this.#draw(element, lines[index], runs[index], looks[index]);
      if (!reused) root.insertBefore(element, anchor);
    }
  }

  /** The page was changed by somebody else: draw this line anew, whatever it looks like. */
  forget(index) {
    const element = this.root.children[index];
    if (element) this.known.delete(element);
  }

  /** A box that was clicked shows what its line says, whatever the browser made of the click. */
  settle(index) {
    setTimeout(() => {
      const box = this.root.children[index]?.querySelector("input");
      if (box) box.checked = this.lines[index].checked;
    });
  }

  #is(element, looks) {
    return this.known.get(element)?.looks === looks;
  }

  #draw(element, line, runs, looks) {
    const structure = JSON.stringify([line.kind === "todo", runs.map((run) => run.marks), runs.length]);
    if (this.known.get(element)?.structure === structure && runs.length) {
      const texts = textsOf(wordsOf(element));
      for (const [index, run] of runs.entries()) {
        if (texts[index].data !== run.text) texts[index].data = run.text;
      }
    } else element.replaceChildren(...begin(line), wordsWith(runs));
    const { dataset } = element;
    dataset.kind = line.kind;
    dataset.level = line.level;
    if (line.number) dataset.number = line.number;
    else delete dataset.number;
    const words = wordsOf(element);
    words.dataset.number = line.number ? `${line.number}.` : "";
    if (line.kind[0] === "h") {
      words.setAttribute("role", "heading");
      words.setAttribute("aria-level", Number(line.kind[1]) + 1);
    } else {
      words.removeAttribute("role");
      words.removeAttribute("aria-level");
    }
    const box = element.querySelector("input");
    if (box) {
      box.checked = line.checked;
      box.setAttribute("aria-label", runs.map((run) => run.text).join("") || "To do");
      element.classList.toggle("checked", line.checked);
    } else element.classList.remove("checked");
    this.known.set(element, { looks, structure });
  }

  /** The index of the line that a node is in; -1 outside of all. @param {Node} node */
  lineOf(node) {
    while (node && node.parentNode !== this.root) node = node.parentNode;
    return node ? [...this.root.children].indexOf(node) : -1;
  }

  /** The place in the text of a spot on the page; null outside. @param {Node} node */
  place(node, offset) {
    const { root, lines } = this;
    if (!lines.length) return null;
    if (node === root) {
      return offset < lines.length ? lines[offset].content : lines.at(-1).end;
    }
    const index = this.lineOf(node);
    const line = lines[index];
    if (!line) return null;
    const words = wordsOf(root.children[index]);
    if (!words.contains(node)) {
      const isBefore = node.contains(words) ? offset === 0 : words.compareDocumentPosition(node) & 2;
      return isBefore ? line.content : line.end;
    }
    const range = document.createRange();
    range.setStart(words, 0);
    range.setEnd(node, offset);
    return Math.min(line.content + range.toString().length, line.end);
  }

  /** The spot on the page of a place in the text. @returns {[Node, number]} */
  spot(place) {
    const index = lineIndexAt(this.lines, place);
    const line = this.lines[index];
    const words = wordsOf(this.root.children[index]);
    let left = Math.max(0, Math.min(place, line.end) - line.content);
    for (const text of textsOf(words)) {
      if (left <= text.data.length) return [text, left];
      left -= text.data.length;
    }
    return [words, 0];
  }

  /** Where a place is on the page, as a caret; null if nothing is shown. @returns {DOMRect|null} */
  caret(place) {
    if (!this.lines.length) return null;
    const [node, offset] = this.spot(place);
    const range = document.createRange();
    range.setStart(node, offset);
    range.collapse(true);
    const rect = [...range.getClientRects()].at(-1);
    if (rect) return rect;
    const words = node.nodeType === Node.TEXT_NODE ? node.parentElement : node;
    const box = words.getBoundingClientRect();
    const style = getComputedStyle(words);
    const height = Math.min(parseFloat(style.lineHeight) || 20, box.height);
    const left = box.left + parseFloat(style.paddingLeft || "0");
    return new DOMRect(left, box.top + parseFloat(style.paddingTop || "0"), 0, height);
  }

  /** The words between two places, on the page: line by line, without what is around them.
   * @returns {DOMRect[]} */
  rects(from, to) {
    const found = [];
    if (!this.lines.length || from >= to) return found;
    const last = lineIndexAt(this.lines, to);
    for (let index = lineIndexAt(this.lines, from); index <= last; index++) {
      const { content, end } = this.lines[index];
      const [start, stop] = [Math.max(from, content), Math.min(to, end)];
      if (start >= stop) continue;
      const range = document.createRange();
      range.setStart(...this.spot(start));
      range.setEnd(...this.spot(stop));
      for (const rect of range.getClientRects()) {
        if (rect.width > 0.5 && !found.some((one) => covers(one, rect))) found.push(rect);
      }
    }
    return found;
  }
}

const covers = (one, other) =>
  Math.abs(one.top - other.top) < 3 && one.left <= other.left + 1 && one.right >= other.right - 1;

const looksOf = (line, runs) =>
  JSON.stringify([line.kind, line.level, line.checked, line.number, runs.map(({ text, marks }) => [text, marks])]);

/** The part of a line's element that holds its words. */
export const wordsOf = (element) => element.lastElementChild;

function textsOf(words) {
  const found = [];
  const walker = document.createTreeWalker(words, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) found.push(walker.currentNode);
  return found;
}

function begin(line) {
  if (line.kind !== "todo") return [];
  return [h("span.box", { contenteditable: "false" }, h("input", { type: "checkbox", tabindex: "-1" }))];
}

function wordsWith(runs) {
  const words = h("div.words");
  if (runs.length) words.append(...runs.map(nested));
  else words.append(document.createElement("br"));
  return words;
}

/** A run in the elements of its marks, the outermost first. @param {Run} run */
export function nested({ text, marks }) {
  let node = document.createTextNode(text);
  for (const name of MARKS.toReversed()) {
    if (marks[name] === undefined) continue;
    const address = name === "link" ? safeAddress(marks.link) : null;
    const element = document.createElement(name === "link" && !address ? "span" : TAGS[name]);
    if (address) {
      element.href = address;
      element.rel = "noopener noreferrer nofollow";
      element.target = "_blank";
      element.title = `${address}\nCtrl or ⌘ and click opens it`;
    }
    element.append(node);
    node = element;
  }
  return node;
}
