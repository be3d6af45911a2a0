/**
 * What this browser remembers for its person: name, view, hidden calendars. Nothing that others see.
 *
 * An address may say it for once: `?name=Ann`. Where nothing may be kept, nothing is.
 */

const PREFIX = "plait.calendar.";

/** @param {string} name @returns {string|null} */
export function remembered(name) {
  const given = name === "me" ? new URLSearchParams(location.search).get("name") : null;
  if (given !== null) return given;
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

/** @param {string} name @param {string} value */
export function remember(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // private windows: it is known until the page is left
  }
}
