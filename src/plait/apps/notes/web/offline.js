/**
 * The pages of the app when no node can be reached: a service worker that keeps the last ones.
 *
 * It asks the network first, so a new version is there at once, and answers from what it kept when
 * that fails or takes too long. Invariant: only files of the app and of the browser replica are
 * kept; what people write is the replica's affair. Absent: anything below /v1.
 */

const KEPT = "plait-notes";
const PATIENCE_MS = 1500;
const IS_FILE = /^\/(apps\/notes\/|client\.js$|client\/)/;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", (event) => {
  if (Array.isArray(event.data?.keep)) event.waitUntil(keep(event.data.keep));
});
self.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method === "GET" && origin === self.location.origin && IS_FILE.test(pathname)) {
    event.respondWith(answer(event.request));
  }
});

async function answer(request) {
  const cache = await caches.open(KEPT);
  const known = await cache.match(request, { ignoreSearch: true });
  const asked = fetch(request).then(async (response) => {
    if (response.ok) await cache.put(bare(request.url), response.clone());
    return response;
  });
  if (!known) return asked;
  asked.catch(() => null);
  const late = new Promise((resolve) => setTimeout(() => resolve(known), PATIENCE_MS));
  return Promise.race([asked.catch(() => known), late]);
}

/** What was loaded before this worker was there. @param {string[]} urls */
async function keep(urls) {
  const cache = await caches.open(KEPT);
  for (const url of urls) {
    const { pathname, origin } = new URL(url);
    if (origin !== self.location.origin || !IS_FILE.test(pathname)) continue;
    const response = await fetch(url).catch(() => null);
    if (response?.ok) await cache.put(bare(url), response);
  }
}

const bare = (url) => url.split(/[?#]/)[0];
