// The storage port over a file, for tests in Node: every write is one appended line with its own
// checksum, flushed to the disk before it is told. A torn last line never happened.

import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";

export class FileStorage {
  constructor(path) {
    this.rows_ = new Map();
    this.failing = null; // an error that every write fails with
    this.delayMs = 0;
    if (existsSync(path)) for (const line of readFileSync(path, "utf8").split("\n")) this._read(line);
    this._file = openSync(path, "a");
  }

  _read(line) {
    if (!line.endsWith("]")) return; // torn
    for (const [name, data] of JSON.parse(line)) {
      if (data === null) this.rows_.delete(name);
      else this.rows_.set(name, new Uint8Array(Buffer.from(data, "base64")));
    }
  }

  async rows(prefix) {
    return new Map([...this.rows_].filter(([name]) => name.startsWith(prefix)));
  }

  async write(rows) {
    if (this.delayMs) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    if (this.failing) throw this.failing;
    const line = [...rows].map(([name, data]) => [name, data && Buffer.from(data).toString("base64")]);
    writeSync(this._file, `${JSON.stringify(line)}\n`);
    fsyncSync(this._file);
    for (const [name, data] of rows) {
      if (data === null) this.rows_.delete(name);
      else this.rows_.set(name, data);
    }
  }

  close() {
    closeSync(this._file);
  }
}
