/**
 * "Two versions, choose": a field that was written differently at once, side by side.
 *
 * Invariant: nothing is decided but by a click; what was not chosen can be seen until then by
 * everybody. Whoever chooses decides for all. Absent: texts, which merge by themselves.
 */

import { ago, dayName, h } from "./dom.js";
import { ASKED } from "./schema.js";

/**
 * @param {object[]} conflicts  of one note, as client.js tells them
 * @param {(conflict: object, value: unknown) => void} resolve
 * @param {string} me  my name
 */
export function chooser(conflicts, resolve, me) {
  return conflicts.map((conflict) => {
    const field = nameOf(conflict);
    const what = ASKED[field] ?? field;
    const show = (value) => shown(field, value);
    const counted = { 2: "Two", 3: "Three", 4: "Four" }[conflict.siblings.length] ?? conflict.siblings.length;
    const heading = `${counted} ${what}s were written at the same time. Which one stays?`;
    const own = h("input", { type: field === "when" ? "date" : "text", "aria-label": `Another ${what}`, placeholder: `Or another ${what}` });
    const cards = conflict.siblings.map((sibling) => h("div.version", {},
      h("p.value", {}, show(sibling.value)),
      h("p.by", {}, `${sibling.who || "Somebody"}${sibling.who === me ? " (you)" : ""}`,
        sibling.when ? `, ${ago(Number(new Date(sibling.when)), Date.now())}` : ""),
      h("button", { type: "button", onclick: () => resolve(conflict, sibling.value), "aria-label": `Keep ${show(sibling.value)}` }, "Keep this")));
    return h("section.chooser", { "aria-label": heading, dataset: { field } },
      h("h3", {}, heading),
      h("div.versions", {}, ...cards),
      h("form.another", {
        onsubmit: (event) => {
          event.preventDefault();
          if (own.value.trim()) resolve(conflict, own.value.trim());
        },
      }, own, h("button.quiet", {}, "Use")),
      conflict.base ? h("p.base", {}, `Before that it was “${show(conflict.base)}”.`) : null);
  });
}

/** The field of a conflict, however its place is told. @returns {string} */
export function nameOf({ field, path }) {
  const name = field ?? path?.at?.(-1) ?? "";
  return String(Array.isArray(name) ? name.at(-1) : name);
}

function shown(field, value) {
  if (value === null || value === undefined || value === "") return field === "when" ? "No date" : "No title";
  return field === "when" ? dayName(String(value)) : String(value);
}
