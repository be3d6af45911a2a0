// A page's documents, told what to do by lines of JSON: {"run": "JavaScript of a function body"}, with
// `plait`, `store`, `notes`, `heard` in scope; answers {"ok"} or {"error", "code"}. Arguments: addresses.

import { createInterface } from "node:readline";
import * as plait from "../../src/plait/doors/web/client.js";

const { register, ask, merge, counter, growCounter, boundedCounter, flag, addWinsSet, map, json, nested } = plait;
const store = await plait.connect({ urls: process.argv.slice(2), name: "Ann", persist: null });
const fields = {
  title: register(), when: ask(), likes: counter(), views: growCounter(), stock: boundedCounter({ minimum: 1 }),
  tags: addWinsSet(), done: flag(), props: map(register()), data: json(), meta: nested({ color: register() }),
};
if (plait.text) fields.body = plait.text();
if (plait.list) fields.tasks = plait.list();
const notes = await store.documents("notes", fields);
const heard = [];
notes.subscribe(({ patches }) => heard.push(...patches));

const plain = (_, value) => (typeof value === "bigint" ? String(value) : value);
const answer = (one) => process.stdout.write(`${JSON.stringify(one, plain)}\n`);

answer({ ok: "ready" });
for await (const line of createInterface({ input: process.stdin })) {
  try {
    const act = new Function("plait", "store", "notes", "heard", JSON.parse(line).run);
    answer({ ok: (await act(plait, store, notes, heard)) ?? null });
  } catch (error) {
    answer({ error: `${error.stack}`, code: error.code ?? "" });
  }
}
process.exit(0);
