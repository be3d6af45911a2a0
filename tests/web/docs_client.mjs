// client.js as a page that a node serves sees it: the node's address is the argument.

import { connect as connectTo } from "../../src/plait/doors/web/client.js";

export * from "../../src/plait/doors/web/client.js";
export const connect = (options) => connectTo({ urls: [process.argv[2]], persist: null, ...options });
