// Loads the model and decodes, so that the page can answer meanwhile.

import { BINARY, openRuntime } from "./runtime.js";
import { UserError, load } from "./translator.js";

const sizes = { loaded: 0, total: 0 };
const translator = start();

/** The bytes of a file of this folder. How much has arrived is told. */
async function fetched(path) {
  const response = await fetch(path, { cache: "no-cache" }); // make demo may have written another
  if (!response.ok) throw new UserError(`The file ${path} is missing. Type make demo to write it.`);
  sizes.total += Number(response.headers.get("Content-Length") ?? 0);
  const reader = response.body.getReader();
  const parts = [];
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    sizes.loaded += part.value.length;
    postMessage({ kind: "progress", ...sizes });
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

async function start() {
  const binary = fetched(BINARY);
  const opened = openRuntime(binary).then((runtime) => load(runtime, (name) => fetched(`model/${name}`)));
  const [, loaded] = await Promise.all([binary, opened]);
  return loaded;
}

async function answer({ text, beamSize }) {
  const begin = performance.now();
  const result = await (await translator).translate(text, { beam_size: beamSize });
  postMessage({ kind: "result", seconds: (performance.now() - begin) / 1000, ...result });
}

const tell = (error) => {
  const message = error instanceof UserError ? error.message : `Something went wrong: ${error.message}`;
  postMessage({ kind: "error", message });
};

onmessage = ({ data }) => answer(data).catch(tell);
translator
  .then(({ config: { columns, search } }) => postMessage({ kind: "ready", columns, beamSize: search.beam_size }))
  .catch(tell);
