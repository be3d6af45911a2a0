/**
 * The pages when no node is there: a service worker that keeps the files it last saw.
 *
 * A node is asked first, always, so a page is of one version; only when none answers, what was kept
 * is given. Invariant: only files of the calendar and of the browser replica are kept; what people
 * write is the replica's affair. Absent: feeds and imports, which need a node.
 */

const KEPT = "plait-calendar";
const IS_FILE = /^\/(apps\/calendar\/([\w-]+\.(js|css|html|svg))?|client\.js|(client|kit)\/[\w-]+\.js)$/;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method === "GET" && origin === self.location.origin && IS_FILE.test(pathname)) {
    event.respondWith(answer(event.request, pathname));
  }
});

async function answer(request, pathname) {
  const cache = await caches.open(KEPT);
  try {
    const response = await fetch(request);
    if (response.ok) cache.put(pathname, response.clone());
    return response;
  } catch (error) {
    const kept = await cache.match(pathname);
    if (kept) return kept;
    throw error;
  }
}
