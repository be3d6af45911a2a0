/**
 * The very beginning of a page: it is painted before anything of it runs.
 *
 *     <link rel="modulepreload" href="main.js" data-begin>
 *     <script type="module" src="/kit/begin.js"></script>
 *
 * The page says which modules it will need, so they arrive meanwhile; the one that it begins with is
 * run after the first frame. Absent: anything else.
 */

const { href } = /** @type {HTMLLinkElement} */ (document.querySelector("link[data-begin]"));
const begin = () => import(href);

if (document.visibilityState === "visible") requestAnimationFrame(() => setTimeout(begin));
else begin(); // a window in the background has no frames
