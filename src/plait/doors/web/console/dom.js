/* Elements by description, and lists that keep their elements.
 * Invariant: text is only ever set as text; nothing that a store holds becomes markup.
 * Absent: templates, components, state. */

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "g", "path", "circle", "line", "rect", "text", "title", "polyline"]);

/**
 * @param {string} tag
 * @param {Record<string, any>} [props] attributes; `on…` are listeners, `class`, `dataset`, `style`
 * @param {...(Node|string|number|null|undefined|false|Array<any>)} children
 * @returns {any}
 */
export function h(tag, props = {}, ...children) {
  const element = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "style") for (const [key, each] of Object.entries(value)) element.style.setProperty(key, String(each));
    else if (name === "value") element.value = value;
    else if (value === true) element.setAttribute(name, "");
    else element.setAttribute(name, String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

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
    value = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
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
