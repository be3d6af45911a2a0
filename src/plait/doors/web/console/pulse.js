/* Asking how things are, again and again: the status, and in a demo the state of its world.
 * Invariant: one question at a time; while nobody answers that is said, with how long it is so.
 * Absent: pushing; positions are gauges, and the newest is all that matters. */

import { ApiError } from "./api.js";
import { model } from "./model.js";

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
    /** Whether this is a demo; unknown until asked. @type {boolean|null} */
    this.demo = null;
    this._heard = Date.now();
    this._timer = 0;
    document.addEventListener("visibilitychange", () => this._soon(0));
  }

  start() {
    this._soon(0);
  }

  _soon(ms) {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => this._ask(), ms);
  }

  async _ask() {
    if (this._asking) return;
    this._asking = true;
    try {
      const demo = this.demo === false ? null : await this._askDemo();
      const status = demo ? demo.status : await this._api.get("v1/status", { patience: PATIENCE_MS });
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

  async _askDemo() {
    try {
      const state = await this._api.get(`v1/demo/state?${this._listener.demoQuery()}`, { home: true, patience: PATIENCE_MS });
      this.demo = true;
      return state;
    } catch (error) {
      if (this.demo === null && error instanceof ApiError && error.status) {
        this.demo = false;
        return null;
      }
      throw error;
    }
  }
}
