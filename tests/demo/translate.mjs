// Reads {folder, model, texts, options: [...]} as JSON. Writes what the page's translator gives for each option.
import { readFileSync } from "node:fs";

const { folder, model, texts, options } = JSON.parse(readFileSync(0, "utf-8"));
const ort = await import(`file://${folder}/vendor/ort.wasm.bundle.min.mjs`);
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmBinary = readFileSync(`${folder}/vendor/ort-wasm-simd-threaded.wasm`);
const { load } = await import(`file://${folder}/translator.js`);
const translator = await load(ort, async (name) => readFileSync(`${model}/${name}`));
const result = [];
for (const own of options) {
  const rows = [];
  for (const text of texts) rows.push(await translator.translate(text, own));
  result.push(rows);
}
// sums of attention say that it is there
const shown = ({ attention, ...rest }) => ({ ...rest, attention: attention.map((row) => [...row]) });
for (const rows of result) for (const row of rows) row.hypotheses = row.hypotheses.map(shown);
process.stdout.write(JSON.stringify(result), () => process.exit(0));
