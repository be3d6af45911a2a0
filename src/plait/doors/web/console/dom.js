/* What changes where it stands: texts, attributes, lists that keep their elements, arrow keys.
 * Elements are made by the kit of every page (elements.js).
 * Absent: templates, components, state. */

import { h } from "../kit/elements.js";

export { h };

/** Set an element's text if it is another. @param {Node} element @param {any} value */
export function say(element, value) {
  const text = String(value ?? "");
  if (element.textContent !== text) element.textContent = text;
}

/** Set an attribute if it is another; null removes it. @param {Element} element */
export function put(element, name, value) {
  if (value === null || value === undefined || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
}

/**
 * Make `parent` hold one element an item, in order, keeping those that were there.
 * @template T
 * @param {Element} parent
 * @param {T[]} items
 * @param {(item: T) => string} key
 * @param {(item: T) => Element} make
 * @param {(element: any, item: T) => void} update
 */
export function each(parent, items, key, make, update) {
  const known = /** @type {Map<string, any>} */ (parent["_each"] ?? new Map());
  const next = new Map();
  let before = null;
  for (const item of items) {
    const name = key(item);
    const element = known.get(name) ?? make(item);
    known.delete(name);
    next.set(name, element);
    update(element, item);
    const place = before === null ? parent.firstElementChild : before.nextElementSibling;
    if (place !== element) parent.insertBefore(element, place);
    before = element;
  }
  for (const gone of known.values()) gone.remove();
  parent["_each"] = next;
}

/** @type {Map<string, string>} */
const dyes = new Map();

/** The value of a custom property, as it is now; asked for once. @param {string} name */
export function dye(name) {
  let value = dyes.get(name);
  if (value === undefined) {
    const root = document.documentElement;
    value = getComputedStyle(root).getPropertyValue(name).trim();
    if (value.startsWith("light-dark(")) { // a canvas wants the one that counts
      const probe = h("i", { hidden: true, style: { color: `var(${name})` } });
      root.append(probe);
      value = getComputedStyle(probe).color;
      probe.remove();
    }
    dyes.set(name, value);
  }
  return value;
}

/** The colour scheme changed. */
export function washOut() {
  dyes.clear();
}

/** Arrow keys go through the children that match, one of which has the tab stop.
 * @param {Element} parent @param {string} selector @param {(element: any) => void} [chosen] */
export function rove(parent, selector, chosen) {
  const all = () => /** @type {HTMLElement[]} */ ([...parent.querySelectorAll(selector)]);
  const settle = () => {
    const found = all();
    const current = found.find((one) => one.tabIndex === 0) ?? found[0];
    for (const one of found) one.tabIndex = one === current ? 0 : -1;
  };
  parent.addEventListener("keydown", (event) => {
    const key = /** @type {KeyboardEvent} */ (event);
    const step = { ArrowDown: 1, ArrowRight: 1, j: 1, ArrowUp: -1, ArrowLeft: -1, k: -1 }[key.key];
    const found = all();
    const here = found.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    if (here < 0 || key.ctrlKey || key.metaKey || key.altKey) return;
    const to = key.key === "Home" ? 0 : key.key === "End" ? found.length - 1 : step ? here + step : -1;
    if (to < 0 || to >= found.length || to === here) return;
    key.preventDefault();
    key.stopPropagation();
    for (const one of found) one.tabIndex = -1;
    found[to].tabIndex = 0;
    found[to].focus();
    chosen?.(found[to]);
  });
  parent.addEventListener("focusin", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (!target.matches?.(selector)) return;
    for (const one of all()) one.tabIndex = one === target ? 0 : -1;
  });
  settle();
  return settle;
}
