/**
 * The pages of the app without a node, and at once with one: a service worker that keeps its files.
 *
 * What is kept is answered from here; behind the page's back all of it is asked for anew, and if
 * anything differs, the whole set takes the place of the old one and the page is told, so that no
 * page is made of files of two versions. Invariant: only files of the app and of the browser replica
 * are kept; what people write is the replica's affair. Absent: anything below /v1.
 */

const KEPT = "plait-notes";
const IS_FILE = /^\/(apps\/notes\/|client\.js$|client\/|kit\/)/;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", (event) => {
  if (Array.isArray(event.data?.loaded)) event.waitUntil(refresh(event.data.loaded, event.source));
});
self.addEventListener("fetch", (event) => {
  if (event.request.method === "GET" && isFile(event.request.url)) event.respondWith(answer(event.request));
});

async function answer(request) {
  const cache = await caches.open(KEPT);
  return (await cache.match(bare(request.url))) ?? fetch(request);
}

/** Ask for all files anew. @param {string[]} urls what the page loaded */
async function refresh(urls, page) {
  const cache = await caches.open(KEPT);
  const fresh = [];
  let differs = false;
  for (const url of new Set(urls.filter(isFile).map(bare))) {
    const response = await fetch(url, { cache: "no-cache" }).catch(() => null);
    if (!response?.ok) return; // another time: half a set is none
    const known = await cache.match(url);
    differs ||= Boolean(known) && known.headers.get("ETag") !== response.headers.get("ETag");
    fresh.push([url, response]);
  }
  await Promise.all(fresh.map(([url, response]) => cache.put(url, response)));
  page?.postMessage(differs ? "newer" : "kept");
}

function isFile(url) {
  const { pathname, origin } = new URL(url);
  return origin === self.location.origin && IS_FILE.test(pathname);
}

const bare = (url) => url.split(/[?#]/)[0];
