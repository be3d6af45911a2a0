/* The store's routes, as the console asks for them.
 * Invariant: one place knows where the routes are (beside the page, or those of the node that is
 * looked through), who is signed in, and what a refusal looks like: `ApiError`.
 * Absent: what the answers mean. */

import { shownToken } from "../kit/token.js";

const PATIENCE_MS = 8000;

export class ApiError extends Error {
  /** @param {number} status 0: nobody answered @param {any} problem */
  constructor(status, problem) {
    super(problem?.detail ?? problem?.title ?? (status ? `the server answered ${status}` : "no answer"));
    this.status = status;
    this.code = problem?.title ?? "";
    this.problem = problem ?? {};
  }
}

export class Api {
  constructor() {
    this.home = new URL(".", document.baseURI);
    this.base = this.home;
    /** Asked when the server wants to know who is there: whether somebody is signed in then.
     * @type {(why: string) => Promise<boolean>} */
    this.signIn = async () => false;
    /** @type {Promise<boolean>|null} */
    this._signing = null;
    /** Whether somebody would not say who they are. */
    this.declined = false;
  }

  /** Look through another mount of the same routes. @param {string} path "" is the page's own */
  through(path) {
    this.base = new URL(path || ".", this.home);
    if (!this.base.pathname.endsWith("/")) this.base.pathname += "/";
  }

  /**
   * @param {string} method @param {string} path relative, "v1/status"
   * @param {{body?: any, headers?: Record<string, string>, home?: boolean, patience?: number}} [options]
   * @returns {Promise<{value: any, headers: Headers}>}
   */
  async ask(method, path, options = {}) {
    for (;;) {
      const token = shownToken();
      const response = await this._fetch(method, path, options, token);
      const type = response.headers.get("content-type") ?? "";
      let value = null;
      if (response.status !== 204) value = type.includes("json") ? await response.json() : await response.text();
      if (response.status === 401 && (await this._signedIn(token, value?.detail ?? ""))) continue;
      if (!response.ok) throw new ApiError(response.status, type.includes("json") ? value : null);
      return { value, headers: response.headers };
    }
  }

  /** @param {string} path */
  async get(path, options = {}) {
    return (await this.ask("GET", path, options)).value;
  }

  /** @param {string} path @param {any} body */
  async post(path, body, options = {}) {
    return (await this.ask("POST", path, { ...options, body })).value;
  }

  async _fetch(method, path, { body, headers = {}, home = false, patience = PATIENCE_MS }, token) {
    const sent = { ...headers };
    if (token) sent.Authorization = `Bearer ${token}`;
    if (body !== undefined && !sent["Content-Type"]) sent["Content-Type"] = "application/json";
    try {
      return await fetch(new URL(path, home ? this.home : this.base), {
        method,
        headers: sent,
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(patience),
        cache: "no-store",
      });
    } catch (error) {
      const late = error instanceof DOMException && error.name === "TimeoutError";
      throw new ApiError(0, { title: "unreachable", detail: late ? "it does not answer" : "it cannot be reached" });
    }
  }

  /** @param {string|null} token what was shown @param {string} why that was refused */
  async _signedIn(token, why) {
    if (token !== shownToken()) return true; // by somebody else meanwhile
    if (this.declined) return false; // nobody is asked again and again
    this._signing ??= this.signIn(token ? why : "").finally(() => { this._signing = null; });
    this.declined = !(await this._signing);
    return !this.declined;
  }
}
