/**
 * Elements in a line: `h("button.quiet", {type: "button", onclick}, "Text")`.
 *
 * Invariant: text is always text; there is no way here to write markup, whatever a store holds.
 * Absent: templates, components, state.
 */

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "g", "path", "circle", "line", "rect", "text", "title", "polyline"]);
const LIVE = new Set(["value", "checked", "disabled", "selected"]); // properties, not attributes

/**
 * @param {string} what  tag, and classes behind dots; "div" if there is no tag
 * @param {Record<string, any>|null} [props]  `on…` listeners, `dataset`, `style` as an object, else
 *   attributes; null and false: none
 * @param {...any} children  nodes, texts, numbers, lists of them; null and false are left out
 * @returns {any}
 */
export function h(what, props = null, ...children) {
  const [tag, ...classes] = what.split(".");
  const element = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag || "div");
  if (classes.length) element.setAttribute("class", classes.join(" "));
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "style") for (const [key, one] of Object.entries(value)) element.style.setProperty(key, String(one));
    else if (LIVE.has(name)) element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false));
  return element;
}

/** Small drawings by name: paths on a square of `size`. They are decorative, so hidden from readers.
 * @template {string} Name @param {number} size @param {Record<Name, string>} paths
 * @returns {(name: Name) => SVGElement} */
export function drawings(size, paths) {
  return (name) =>
    h("svg.icon", { viewBox: `0 0 ${size} ${size}`, "aria-hidden": "true" }, h("path", { d: paths[name] }));
}
