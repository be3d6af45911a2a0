/* Numbers, times and values for people. Pure.
 * Absent: languages; figures are grouped as the browser does it for English. */

const grouped = new Intl.NumberFormat("en");

/** @param {number} value */
export function count(value) {
  return grouped.format(Math.round(value));
}

/** "1.2 k" @param {number} value */
export function short(value) {
  if (value < 1000) return value < 10 && value % 1 ? value.toFixed(1) : String(Math.round(value));
  for (const unit of ["k", "M", "G"]) {
    value /= 1000;
    if (value < 1000) return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
  }
  return `${Math.round(value)} G`;
}

/** "3 ms", "1.2 s", "5 min" @param {number} value seconds */
export function seconds(value) {
  if (value < 0 || !Number.isFinite(value)) return "?";
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 10) return `${value.toFixed(1)} s`;
  if (value < 120) return `${Math.round(value)} s`;
  if (value < 7200) return `${Math.round(value / 60)} min`;
  if (value < 172800) return `${Math.round(value / 3600)} h`;
  return `${Math.round(value / 86400)} days`;
}

/** @param {number} value */
export function bytes(value) {
  return `${short(value)}B`.replace(/ ?B$/, value < 1000 ? " B" : "B");
}

/** @param {number|Date} at */
export function clock(at) {
  return new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
}

/** @param {number} at milliseconds */
export function moment(at) {
  return new Date(at).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" });
}

/** A value on one line. @param {any} value */
export function line(value, max = 160) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (text === undefined) return "nothing";
  return text.length > max ? `${text.slice(0, max - 1)}…` : text;
}

/** @param {number} number @param {string} one @param {string} [many] */
export function amount(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}
