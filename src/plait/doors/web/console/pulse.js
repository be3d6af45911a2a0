/* Asking how things are, again and again: the status, and in a demo the state of its world.
 * Invariant: one question at a time; while nobody answers that is said, with how long it is so.
 * Absent: pushing; positions are gauges, and the newest is all that matters. */

import { ApiError } from "./api.js";
import { model } from "./model.js";

const DEMO = "v1/demo/state";
const EVERY_MS = 500;
const DEMO_EVERY_MS = 300;
const HIDDEN_MS = 3000;
const PATIENCE_MS = 4000;

export class Pulse {
  /**
   * @param {import("./api.js").Api} api
   * @param {{news: (model: any, demo: any) => void, silence: (since: number, error: ApiError) => void,
   *   demoQuery: () => string}} listener
   */
  constructor(api, listener) {
    this._api = api;
    this._listener = listener;
    this._model = null;
    /** Whether this is a demo; unknown until the status has said it. @type {boolean|null} */
    this.demo = null;
    this._heard = Date.now();
    this._timer = 0;
    this._stopped = false;
    document.addEventListener("visibilitychange", () => this._soon(0));
  }

  start() {
    this._soon(0);
  }

  /** Ask no more. */
  stop() {
    clearTimeout(this._timer);
    this._stopped = true;
  }

  _soon(ms) {
    clearTimeout(this._timer);
    if (this._stopped) return;
    this._timer = setTimeout(() => this._ask(), ms);
  }

  async _ask() {
    if (this._asking) return;
    this._asking = true;
    try {
      const first = this.demo ? null : await this._api.get("v1/status", { home: this.demo === null, patience: PATIENCE_MS });
      this.demo ??= first.extra?.includes(`/${DEMO}`) ?? false;
      const demo = this.demo ? await this._askDemo() : null;
      const status = demo?.status ?? first;
      this._heard = Date.now();
      this._model = model(status, demo?.world ?? null, this._model, this._heard);
      this._listener.news(this._model, demo, status);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this._listener.silence(this._heard, error);
    } finally {
      this._asking = false;
      this._soon(document.hidden ? HIDDEN_MS : this.demo ? DEMO_EVERY_MS : EVERY_MS);
    }
  }

  _askDemo() {
    return this._api.get(`${DEMO}?${this._listener.demoQuery()}`, { home: true, patience: PATIENCE_MS });
  }
}
