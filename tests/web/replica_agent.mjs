// A process with one browser replica in it, told what to do by lines of JSON and answering by such:
// {"id", "do", ...} -> {"id", "ok"} or {"id", "error", "code"}. Run by tests/web/agents.py.

import { createInterface } from "node:readline";
import { connectCore } from "../../src/plait/doors/web/client/connect.js";
import { vectorOf } from "../../src/plait/doors/web/client/causality.js";
import { decode, encode } from "../../src/plait/doors/web/client/codec.js";
import { FileStorage } from "./file_storage.mjs";

// one process is one tab of its own browser
const held = new Set();
const locks = {
  async request(name, _options, act) {
    if (held.has(name)) return act(null);
    held.add(name);
    try {
      return await act({ name });
    } finally {
      held.delete(name);
    }
  },
};

let core = null;
let storage = null;
const heard = new Map();

const plain = (value) => JSON.parse(JSON.stringify(value, (_, one) => {
  if (typeof one === "bigint") return String(one);
  if (one instanceof Map) return [...one];
  if (one instanceof Error) return { code: one.code, message: one.message };
  if (one instanceof Uint8Array) return Buffer.from(one).toString("hex");
  return one;
}) ?? "null");

const open = (name) => core.open(name);

const commands = {
  async connect({ urls, path = null, name = null, token = null, offline = false, ahead = 0 }) {
    const now = Date.now.bind(Date);
    Date.now = () => now() + ahead; // this machine's clock is wrong
    storage = path && new FileStorage(path);
    const persist = path ? "agent" : null;
    core = await connectCore({ urls, persist, storage, locks, name, token, offline, channel: null });
  },
  async open({ documents, timeout = 10 }) {
    const replica = await core.open(documents, { timeoutS: timeout });
    if (!heard.has(documents)) {
      heard.set(documents, []);
      replica.listen((changes) => heard.get(documents).push(...changes));
    }
    return String(replica.replica);
  },
  async mutate({ documents, edits, message = null, together = false }) {
    const replica = await open(documents);
    if (together) replica.begin(message);
    for (const [key, path, mutation] of edits) replica.mutate(key, path, decode(Buffer.from(mutation, "base64")));
    if (together) replica.commit();
  },
  async delete({ documents, key }) {
    (await open(documents)).delete(key);
  },
  async clear({ documents, key, path }) {
    (await open(documents)).clear(key, path);
  },
  async flush({ documents }) {
    await (await open(documents)).flush();
  },
  async sent({ documents, timeout = 20 }) {
    await (await open(documents)).sent(timeout);
  },
  async keys({ documents }) {
    return (await open(documents)).keys();
  },
  async count({ documents }) {
    return (await open(documents)).count();
  },
  async value({ documents, key, path }) {
    const replica = await open(documents);
    const object = replica.shelf.documents.get(key)?.find(path);
    const state = replica.object(key, path);
    return state === null ? null : Buffer.from(encode(object.type.value(state))).toString("base64");
  },
  async vector({ documents }) {
    const replica = await open(documents);
    replica.settle();
    return [...replica.vector].map(([id, seq]) => [String(id), seq]);
  },
  async cut({ documents }) {
    return [...(await open(documents)).scope.cut()].map(([id, seq]) => [String(id), seq]);
  },
  async canonical({ documents, cut }) {
    const replica = await open(documents);
    replica.settle();
    return replica.shelf.canonical(vectorOf(cut.map(([id, seq]) => [BigInt(id), seq])));
  },
  async images({ documents, cut }) {
    const replica = await open(documents);
    const at = vectorOf(cut.map(([id, seq]) => [BigInt(id), seq]));
    return replica.shelf.allKeys().map((key) => Buffer.from(encode(replica.shelf.image(key, at))).toString("base64"));
  },
  async collect({ documents }) {
    const replica = await open(documents);
    replica.settle();
    return replica.scope.collect();
  },
  async id({ documents }) {
    return String((await open(documents)).replica);
  },
  async status({ documents = null }) {
    return documents === null ? core.status : (await open(documents)).status;
  },
  async heard({ documents }) {
    return heard.get(documents).splice(0).map(({ key, path, own, last }) => ({ key, path, own, last }));
  },
  async present({ documents, value }) {
    (await open(documents)).present(value);
  },
  async everybody({ documents }) {
    return [...(await open(documents)).everybody()];
  },
  async refused({ documents }) {
    return (await open(documents)).refused().map(({ number, key, reason }) => ({ number, key, reason }));
  },
  async dismiss({ documents, number }) {
    (await open(documents)).dismiss(number);
  },
  async again({ documents, number }) {
    (await open(documents)).again(number);
  },
  async offline({ value }) {
    core.offline = value;
  },
  async fail({ why }) {
    storage.failing = why === null ? null : new Error(why);
  },
  async hurt({ documents, data }) {
    // as if the node had said that
    for (const holder of core._holders.values()) holder.heard(new Uint8Array(Buffer.from(data, "base64")));
  },
  async urls() {
    return core.connection.urls;
  },
  async close() {
    await core.close();
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, do: name, ...options } = JSON.parse(line);
  commands[name](options)
    .then((ok) => ({ id, ok: plain(ok ?? null) }))
    .catch((error) => ({ id, error: `${error.message}`, code: error.code ?? error.stack }))
    .then((answer) => process.stdout.write(`${JSON.stringify(answer)}\n`));
}
process.exit(0);
