/**
 * How the dialogs of signing in and out look: the same on every page, whatever else the page does.
 *
 * They stand in a shadow root. Invariant: nothing of a page's own style reaches them but its fonts,
 * its accent, and whether it is dark.
 */

export const STYLE = `
:host { font: 15px/1.5 system-ui, "Segoe UI", sans-serif; }
* { box-sizing: border-box; margin: 0; }
dialog {
  --ink: light-dark(#1d1c1a, #ece9e2); --soft: light-dark(#6a665e, #a5a096); --ground: light-dark(#fffefb, #201f1d);
  --line: light-dark(#dedad0, #3a3834); --bad: light-dark(#a5301d, #ff9d8a); --sunk: light-dark(#f6f3ec, #171614);
  --act: var(--accent, light-dark(#0d6e66, #5cc7bb)); --on-act: light-dark(#fff, #10201e);
  width: min(408px, calc(100vw - 32px)); margin: auto; padding: 28px; border: 0; border-radius: 18px;
  color: var(--ink); background: var(--ground); box-shadow: 0 0 0 1px var(--line), 0 24px 70px rgb(0 0 0 / 28%);
}
dialog::backdrop { background: rgb(20 18 14 / 42%); backdrop-filter: blur(3px); }
dialog[open] { animation: rise .18s ease-out; }
@keyframes rise { from { transform: translateY(8px); opacity: 0; } }
@media (prefers-reduced-motion: reduce) { dialog[open] { animation: none; } }
svg { display: block; width: 54px; height: 27px; margin-bottom: 14px; fill: none; stroke-width: 3.6; stroke-linecap: round; }
svg :nth-child(1) { stroke: light-dark(#c8862b, #e0a650); } svg :nth-child(2) { stroke: var(--act); } svg :nth-child(3) { stroke: light-dark(#8a4f7d, #c48ab8); }
h2 { font: 600 22px/1.25 ui-serif, Georgia, serif; letter-spacing: -.01em; overflow-wrap: anywhere; }
p { margin-top: 8px; color: var(--soft); overflow-wrap: anywhere; }
p strong { color: var(--ink); font-weight: 600; }
p.wrong { padding: 9px 12px; border-radius: 10px; color: var(--bad); background: color-mix(in srgb, var(--bad) 10%, transparent); }
p.wrong:empty { display: none; }
label.field { display: block; margin-top: 18px; font-size: 13px; font-weight: 600; }
input[type="password"] {
  display: block; width: 100%; height: 42px; margin-top: 5px; padding: 0 13px; border: 1px solid var(--line); border-radius: 11px;
  color: inherit; background: var(--sunk); font: 14px/1 ui-monospace, monospace;
}
label.lasting { display: grid; grid-template-columns: 18px 1fr; gap: 9px; margin-top: 14px; font-size: 13.5px; cursor: pointer; }
label.lasting small { display: block; color: var(--soft); font-size: 12.5px; line-height: 1.4; }
input[type="checkbox"] { width: 17px; height: 17px; margin-top: 2px; accent-color: var(--act); }
footer { display: flex; flex-wrap: wrap; justify-content: flex-end; gap: 8px; margin-top: 22px; }
button { height: 40px; padding: 0 17px; border: 0; border-radius: 11px; color: var(--ink); background: var(--sunk); box-shadow: inset 0 0 0 1px var(--line); font: 600 14px/1 inherit; font-family: inherit; cursor: pointer; }
button:hover { filter: brightness(.96); }
button.act { color: var(--on-act); background: var(--act); box-shadow: none; }
button.danger { color: light-dark(#fff, #2a0d08); background: var(--bad); box-shadow: none; }
button:disabled { opacity: .55; cursor: default; }
:focus-visible { outline: 2px solid var(--act); outline-offset: 2px; }
`;
