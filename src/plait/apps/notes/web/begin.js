/**
 * The very beginning: the empty page is painted before anything else is loaded.
 *
 * Modules are asked for as soon as that is done, those of the app and of the replica at once, so
 * that none waits until another one has been read. Absent: anything that matters if it fails; what
 * is not asked for here is asked for by who imports it.
 */

const OWN = [
  "book", "chooser", "cursors", "dialogs", "dom", "editor", "edits", "history", "inline", "lines",
  "list", "note", "past", "people", "places", "schema", "search", "status", "surface", "toolbar",
  "undo", "writing",
];

function begin() {
  for (const path of ["/client.js", ...OWN.map((name) => new URL(`${name}.js`, import.meta.url).pathname)]) {
    const link = document.createElement("link");
    link.rel = "modulepreload";
    link.href = path;
    document.head.append(link);
  }
  import("./main.js");
}

const isShown = document.visibilityState === "visible";
if (isShown) requestAnimationFrame(() => setTimeout(begin));
else begin(); // a window in the background has no frames
