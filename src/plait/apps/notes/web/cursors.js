/**
 * Other people's carets and selections, drawn over a text that I write in.
 *
 * Invariant: nothing of this is in the text or in the way of it: a layer without pointer events.
 * Where somebody's place is no longer known, nothing is drawn. Absent: scrolling to them.
 */

import { h } from "./dom.js";

const NAMED_MS = 2500; // how long a name stays after its caret has moved

export class Cursors {
  /** @param {HTMLElement} layer  over the text, which begins at its corner */
  constructor(layer, surface) {
    this.layer = layer;
    this.surface = surface;
    /** @type {Map<string, {caret: HTMLElement, areas: HTMLElement[], moves: number, timer: number}>} */
    this.drawn = new Map();
  }

  /** @param {import("./people.js").Person[]} people @param {(token: unknown) => number|null} placeOf */
  draw(people, placeOf) {
    const origin = this.layer.getBoundingClientRect();
    const gone = new Set(this.drawn.keys());
    for (const person of people) {
      const head = placeOf(person.head);
      const at = placeOf(person.at);
      const rect = head === null ? null : this.surface.caret(head);
      if (!rect) continue;
      gone.delete(person.page);
      const one = this.#of(person);
      one.caret.style.transform = `translate(${rect.left - origin.left}px, ${rect.top - origin.top}px)`;
      one.caret.style.height = `${rect.height}px`;
      one.caret.classList.toggle("low", rect.top - origin.top < 18);
      this.#select(one, person, at ?? head, head, origin);
      if (person.moves !== one.moves) this.#name(one, person.moves);
    }
    for (const page of gone) this.#remove(page);
  }

  #of(person) {
    let one = this.drawn.get(person.page);
    if (!one) {
      const caret = h("div.caret", {}, h("span", {}, person.name));
      one = { caret, areas: [], moves: -1, timer: 0 };
      this.drawn.set(person.page, one);
      this.layer.append(caret);
    }
    one.caret.style.setProperty("--hue", person.hue);
    one.caret.firstChild.textContent = person.name;
    one.caret.dataset.who = person.name;
    return one;
  }

  #select(one, person, at, head, origin) {
    const rects = this.surface.rects(Math.min(at, head), Math.max(at, head));
    while (one.areas.length > rects.length) one.areas.pop().remove();
    for (const [index, rect] of rects.entries()) {
      one.areas[index] ??= this.layer.appendChild(h("div.chosen"));
      const { style } = one.areas[index];
      style.setProperty("--hue", person.hue);
      style.transform = `translate(${rect.left - origin.left}px, ${rect.top - origin.top}px)`;
      style.width = `${rect.width}px`;
      style.height = `${rect.height}px`;
    }
  }

  /** The name is shown for a while, then only the caret is. */
  #name(one, moves) {
    one.moves = moves;
    one.caret.classList.add("named");
    clearTimeout(one.timer);
    one.timer = setTimeout(() => one.caret.classList.remove("named"), NAMED_MS);
  }

  #remove(page) {
    const { caret, areas, timer } = this.drawn.get(page);
    clearTimeout(timer);
    caret.remove();
    areas.forEach((area) => area.remove());
    this.drawn.delete(page);
  }
}
