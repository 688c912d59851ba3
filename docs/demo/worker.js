// Loads the model and decodes, so that the page can answer meanwhile.

import { UserError, load } from "./translator.js";

const RUNTIME = "vendor/ort.wasm.bundle.min.mjs";
const sizes = { loaded: 0, total: 0 };
let translator;

/** The bytes of a file of this folder. How much has arrived is told. */
async function fetched(path) {
  const response = await fetch(path);
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
  const read = (name) => fetched(`model/${name}`);
  const [ort, binary] = await Promise.all([
    import(`./${RUNTIME}`).catch(() => {
      throw new UserError(`The file ${RUNTIME} is missing. Type make demo to write it.`);
    }),
    fetched("vendor/ort-wasm-simd-threaded.wasm"),
  ]);
  ort.env.wasm.numThreads = 1; // more need headers that a simple server does not send
  ort.env.wasm.wasmBinary = binary;
  translator = await load(ort, read);
  const { columns, search } = translator.config;
  postMessage({ kind: "ready", columns, beamSize: search.beam_size });
}

async function answer({ text, beamSize }) {
  const begin = performance.now();
  const result = await translator.translate(text, { beam_size: beamSize });
  postMessage({ kind: "result", seconds: (performance.now() - begin) / 1000, ...result });
}

const tell = (error) => {
  const message = error instanceof UserError ? error.message : `Something went wrong: ${error.message}`;
  postMessage({ kind: "error", message });
};

onmessage = ({ data }) => answer(data).catch(tell);
start().catch(tell);
