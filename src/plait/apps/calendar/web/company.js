/**
 * Who else is here: faces at the top, and a dot on the event that somebody has open.
 *
 * Presence is told, never stored; it is gone a moment after its person.
 */

import { h } from "./dom.js";
import { dayText } from "./days.js";

const FACES_MAX = 5;

/** @param {any} documents @param {any} page */
export function company(documents, page) {
  const tab = Math.random().toString(36).slice(2);
  let last = "";

  const others = () => documents.presence.entries()
    .map(({ who, value }) => ({ ...(value ?? {}), name: (value && value.name) || who || "Somebody" }))
    .filter((one) => one.tab && one.tab !== tab)
    .map((one) => ({ ...one, name: String(one.name).slice(0, 60), hue: hue(String(one.name)) }))
    .sort((a, b) => a.name.localeCompare(b.name));

  const tell = ({ view, picked, open, me }) => {
    const value = { tab, name: me || "Somebody", view, day: dayText(picked), open };
    const text = JSON.stringify(value);
    if (text === last) return;
    last = text;
    documents.presence.set(value);
  };

  documents.presence.subscribe(() => page.draw());
  tell(page);
  return {
    tell,
    at: (id) => others().filter((one) => one.open === id),
    faces: () => {
      const here = others();
      return [
        ...here.slice(0, FACES_MAX).map((one) => h("span.face", {
          style: { "--hue": one.hue }, role: "img", "aria-label": `${one.name} is here`, title: lookingAt(one),
        }, initials(one.name))),
        here.length > FACES_MAX && h("span.face.rest", null, `+${here.length - FACES_MAX}`),
      ].filter(Boolean);
    },
  };
}

const lookingAt = (one) => `${one.name} is looking at ${one.open ? "an event" : `the ${one.view ?? "calendar"}`}`;

const initials = (name) => name.split(/\s+/).map((part) => [...part][0] ?? "").slice(0, 2).join("").toUpperCase();

/** A colour that is a person's everywhere. */
export function hue(name) {
  let found = 7;
  for (const character of name) found = (found * 31 + character.codePointAt(0)) % 360;
  return found;
}
