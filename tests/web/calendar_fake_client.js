// A stand-in for /client.js in one page: the contract's names over plain maps, no network.
// `window.seed` = {collection: {key: values}} fills it; `window.fake` reaches the store.
const kind = (name) => (value) => ({ kind: name, value });
export const register = kind("register");
export const ask = kind("ask");
export const counter = kind("counter");
export const text = kind("text");
export const list = kind("list");
export const addWinsSet = kind("set");
export const map = kind("map");
export const flag = kind("flag");

const viewOf = {
  text: (held, name, tell) => ({
    toString: () => held[name] ?? "",
    get length() { return (held[name] ?? "").length; },
    insert(at, more) { const old = held[name] ?? ""; held[name] = old.slice(0, at) + more + old.slice(at); tell(); },
    applyDiff(now) { held[name] = now; tell(); },
  }),
  set: (held, name, tell) => {
    const inner = (held[name] = new Set(held[name] ?? []));
    return { add: (v) => (inner.add(v), tell()), delete: (v) => (inner.delete(v), tell()), has: (v) => inner.has(v), [Symbol.iterator]: () => inner[Symbol.iterator]() };
  },
  map: (held, name, tell) => {
    const inner = (held[name] = held[name] instanceof Map ? held[name] : new Map(Object.entries(held[name] ?? {})));
    return { get: (k) => inner.get(k), set: (k, v) => (inner.set(k, v), tell()), delete: (k) => (inner.delete(k), tell()), keys: () => inner.keys() };
  },
};

export function collection(schema, seed) {
  const values = new Map(Object.entries(seed ?? {}).map(([key, value]) => [key, { ...value }]));
  const heard = new Set();
  const told = new Set();
  let open = 0;
  const flush = () => {
    if (open || !told.size) return;
    const keys = [...told];
    told.clear();
    for (const fn of heard) fn({ keys, patches: [] });
  };
  const tell = (key) => { told.add(key); queueMicrotask(flush); };
  const docs = {
    keys: () => [...values.keys()].sort(), has: (key) => values.has(key), get size() { return values.size; },
    create: () => Math.random().toString(36).slice(2),
    delete: (key) => { values.delete(key); tell(key); },
    change: (fn) => { open++; try { fn(); } finally { open--; flush(); } },
    get(key) {
      const held = () => { if (!values.has(key)) values.set(key, {}); return values.get(key); };
      const doc = { key, get exists() { return values.has(key); }, subscribe: () => () => {} };
      for (const [name, { kind: of }] of Object.entries(schema)) {
        Object.defineProperty(doc, name, {
          get: () => (of in viewOf ? viewOf[of](values.has(key) ? held() : {}, name, () => { held(); tell(key); }) : values.get(key)?.[name]),
          set: (value) => { held()[name] = value; tell(key); },
        });
      }
      return doc;
    },
    subscribe: (fn) => (heard.add(fn), () => heard.delete(fn)),
    conflicts: () => docs.planted, planted: [],
    resolve: (conflict, value) => { docs.planted = docs.planted.filter((one) => one !== conflict); docs.get(conflict.key).when = value; tell(conflict.key); },
    presence: { set() {}, entries: () => docs.here, subscribe: () => () => {} }, here: [],
    mayWrite: () => true, status: { writes: null }, onStatus: () => () => {},
    refused: () => [], dismiss() {}, again() {}, tell, values,
  };
  return docs;
}

export async function connect() {
  const store = {
    status: { online: true, node: "n1", pending: 0, saved: 0, refused: 0 }, offline: false,
    subscribe: () => () => {}, close() {}, collections: {},
    async documents(name, schema) { return (store.collections[name] ??= collection(schema, window.seed?.[name])); },
  };
  return (window.fake = store);
}
