/**
 * Asking for a token, where a node asks who people are.
 */

import { h } from "./dom.js";
import { rememberToken } from "./settings.js";
import { sheet } from "./sheet.js";

/** Ask, keep it in this browser, and begin anew. */
export function signIn() {
  const field = h("input", { type: "password", name: "token", "aria-label": "Token", placeholder: "Token", autocomplete: "current-password", required: true });
  const form = h("form.form", { onsubmit: (event) => {
    event.preventDefault();
    rememberToken(field.value.trim());
    location.reload();
  } }, h("h2", null, "Who is this?"), h("p.nothing", null, "This calendar asks for a token; whoever keeps it can give you one."), field,
  h("footer", null, h("button.primary", { type: "submit" }, "Sign in")));
  sheet(form, { label: "Sign in" });
  field.focus();
}
