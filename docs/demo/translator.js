// An exported model: text to text. seqtext-runtime is the same in Python.

import { limitsOf, search } from "./search.js";
import { Tokenizer } from "./sentencepiece.js";

const FORMAT = 1;
const MOST_HYPOTHESES = 100; // of a beam

/** A mistake whose message a user can act on. */
export class UserError extends Error {}

/**
 * Loads a model.
 *
 * @param {object} runtime - See `openRuntime`.
 * @param {function} read - Gives a promise of the bytes of a file of the model's folder, by its name.
 * @throws {UserError} The folder has another format, or a model that gives labels.
 */
export async function load(runtime, read) {
  const config = JSON.parse(new TextDecoder().decode(await read("config.json")));
  if (config.format !== FORMAT) {
    throw new UserError(`The model has the format ${config.format}, and this page reads ${FORMAT}. Export it again.`);
  }
  if (config.graphs?.step === undefined) {
    throw new UserError("The model gives labels to text. This page needs one that generates text.");
  }
  const names = [config.source.file, config.target.file, config.graphs.encoder.file, config.graphs.step.file];
  const [source, target, encoder, step] = await Promise.all(names.map(read));
  return new Translator(runtime.Tensor, config, {
    source: new Tokenizer(source),
    target: new Tokenizer(target),
    encoder: await runtime.session(encoder),
    step: await runtime.session(step),
  });
}

class Translator {
  constructor(Tensor, config, parts) {
    this.Tensor = Tensor;
    this.config = config;
    Object.assign(this, parts);
    this.states = config.graphs.step.inputs.filter((name) => name.startsWith("state_"));
  }

  /**
   * Decodes a text.
   *
   * @param {string} text - The source.
   * @param {object} options - Of the search, which override the model's: `{beam_size: 5}`, …
   * @returns {Promise<object>} `pieces` of the source with eos, and `hypotheses`, best first, all with different
   *   texts: `text`, `score`, `logProb`, `ids`, `pieces`, `attention` for each piece and eos, and `atLimit`.
   * @throws {UserError} The text is empty, the beam size is out of range, or the model is broken.
   */
  async translate(text, options = {}) {
    const own = { ...this.config.search, ...options };
    const size = own.beam_size;
    if (!Number.isInteger(size) || size < 1 || size > MOST_HYPOTHESES) {
      throw new UserError(`The beam size is a whole number from 1 to ${MOST_HYPOTHESES}.`);
    }
    const { ids, words } = this.encode(text);
    if (!ids.length) throw new UserError("There is no text. Type some first.");
    const limits = limitsOf(ids.length, own, this.config.most_pieces);
    const decoder = await this.decoder([...ids, this.source.eos]);
    const found = await search(decoder, own, this.config.target, limits);
    if (!found.length || !found.every(({ logProb }) => Number.isFinite(logProb))) {
      throw new UserError("The model's outputs are not finite numbers. Train or export it again.");
    }
    const outputs = new Map();
    for (const hypothesis of found) {
      const output = this.target.decode(hypothesis.ids, words);
      const pieces = this.target.name(hypothesis.ids, words);
      const atLimit = hypothesis.ids.length >= limits[1];
      if (!outputs.has(output)) outputs.set(output, { ...hypothesis, text: output, pieces, atLimit });
    }
    const eos = this.source.pieces[this.source.eos];
    return { pieces: [...this.source.name(ids, words), eos], hypotheses: [...outputs.values()] };
  }

  /** Ids of a source without eos, and the words that only it has. */
  encode(text) {
    const [ids, words] = this.config.copies ? this.source.encodeWords(text) : [this.source.encode(text), []];
    return { ids: ids.slice(0, this.config.source.limit ?? undefined), words };
  }

  /** The decoder of a source, as a search needs it. */
  async decoder(source) {
    const values = await this.encoder.run({
      source: this.integers(source, [1, source.length]),
      lengths: this.integers([source.length], [1]),
    });
    const isState = ([name]) => this.states.includes(name);
    const start = Object.fromEntries(Object.entries(values).filter(isState));
    const memory = Object.fromEntries(Object.entries(values).filter((entry) => !isState(entry)));
    const step = async (ids, state) => {
      const outputs = await this.step.run({ ids: this.integers(ids, [1, ids.length]), ...memory, ...state });
      const after = this.states.map((name) => [name, outputs[`next_${name}`]]);
      const { log_probs: logProbs, attention } = outputs;
      return { logProbs: logProbs.data, attention: attention.data, state: Object.fromEntries(after) };
    };
    const select = (state, rows) =>
      Object.fromEntries(Object.entries(state).map(([name, tensor]) => [name, this.rows(tensor, rows)]));
    return { start, step, select };
  }

  integers(values, shape) {
    return new this.Tensor("int64", BigInt64Array.from(values, BigInt), shape);
  }

  /** Rows of a tensor (1, K, …). */
  rows(tensor, rows) {
    const [, count, ...rest] = tensor.dims;
    const width = tensor.data.length / count;
    const data = new tensor.data.constructor(rows.length * width);
    rows.forEach((row, k) => data.set(tensor.data.subarray(row * width, (row + 1) * width), k * width));
    return new this.Tensor(tensor.type, data, [1, rows.length, ...rest]);
  }
}
