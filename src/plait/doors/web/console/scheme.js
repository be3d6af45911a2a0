/* Which of the two colour schemes somebody chose, before anything is painted.
 * Absent: everything else; main.js has the switch. Storage may be refused, then the system decides. */
(function () {
  try {
    var chosen = localStorage.getItem("plait-scheme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.scheme = chosen;
  } catch (refused) { /* as the system has it */ }
})();
