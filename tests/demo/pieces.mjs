// Reads {folder, model, texts, outputs} as JSON. Writes pieces and ids of the texts, and the texts that ids spell.
import { readFileSync } from "node:fs";

const { folder, model, texts, outputs } = JSON.parse(readFileSync(0, "utf-8"));
const { Tokenizer } = await import(`file://${folder}/sentencepiece.js`);
const tokenizer = new Tokenizer(readFileSync(model));
const result = {
  pieces: texts.map((text) => tokenizer.segments(text)),
  texts: outputs.map((ids) => tokenizer.decode(ids)),
};
process.stdout.write(JSON.stringify(result));
