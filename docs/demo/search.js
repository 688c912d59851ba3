// Greedy and beam search over a decoder's steps, for one source. Beam size 1 is greedy search.
// K hypotheses, V pieces, S source positions. Sums are in floats of 32 bits, as seqtext-runtime has them.

const LONGEST = 2 ** 30;
const TINY = 1.1754943508222875e-38; // smallest normal float of 32 bits
const f32 = Math.fround;

/**
 * @typedef {object} Hypothesis
 * @property {number[]} ids - Its pieces, without eos.
 * @property {number} logProb - Its log-probability, with that of eos once it is finished.
 * @property {Float32Array[]} attention - To the source, for each piece and eos.
 * @property {number} [score] - What it is ranked by, once it is finished.
 */

/**
 * @param {object} decoder - `start`: a state. `step(ids, state)` reads the last pieces of K hypotheses and gives
 *   `logProbs` (K, V), `attention` (K, S) and the next `state`. `select(state, rows)` keeps rows of a state.
 * @param {object} options - See `seqtext generate --help`.
 * @param {object} pieces - Ids: `bos`, `eos` and the list `never` of what is not produced.
 * @param {[number, number]} limits - Fewest and most pieces.
 * @returns {Promise<Hypothesis[]>} Finished, best first, at most the beam size.
 */
export async function search(decoder, options, pieces, limits) {
  const size = options.beam_size;
  let live = [{ ids: [], logProb: 0, attention: [] }];
  let state = decoder.start;
  let finished = [];
  for (let length = 0; ; length++) {
    const last = live.map(({ ids }) => ids.at(-1) ?? pieces.bos);
    const output = await decoder.step(last, state);
    const rows = rowsOf(output.logProbs, live.length);
    const weights = rowsOf(output.attention, live.length);
    rows.forEach((row, k) => ruleOut(row, live[k].ids, options, pieces, limits));
    // Each hypothesis ends once at most. So 2K continuations hold at most K that end, and K others.
    const best = largest(rows, live, 2 * size).map(({ k, id, logProb }, rank) => {
      const attention = [...live[k].attention, weights[k]];
      return { k, id, rank, logProb, attention, before: live[k].ids };
    });
    const ends = best.filter(({ id, rank }) => id === pieces.eos && rank < size);
    const complete = ends.map(({ logProb, attention, before }) => {
      const penalized = f32(logProb / f32(penalty(length + 1, options)));
      return { ids: before, logProb, attention, score: f32(penalized + coverage(attention, options)) };
    });
    finished = [...finished, ...complete].sort((a, b) => b.score - a.score).slice(0, size);
    const going = best.filter(({ id }) => id !== pieces.eos).slice(0, size);
    if (finished.length === size || !going.length || length >= limits[1]) return finished;
    live = going.map(({ id, logProb, attention, before }) => ({ ids: [...before, id], logProb, attention }));
    state = decoder.select(output.state, going.map(({ k }) => k));
  }
}

/**
 * Fewest and most pieces of an output.
 *
 * @param {number} length - Pieces of the source, eos not counted.
 * @param {object} options - Of the search.
 * @param {{times: number, more: number}} rule - Most pieces where no option limits them.
 */
export function limitsOf(length, options, rule) {
  const times = (ratio) => Math.min(Math.ceil(f32(f32(ratio) * length)), LONGEST);
  const fewest = Math.max(times(options.min_length_ratio), options.min_length);
  let most = Math.min(options.max_length ?? LONGEST, LONGEST);
  if (options.max_length_ratio !== null) most = Math.min(most, times(options.max_length_ratio));
  else if (options.max_length === null) most = Math.max(rule.times * length + rule.more, fewest);
  return [Math.min(fewest, most), most];
}

const rowsOf = (values, count) => {
  const width = values.length / count;
  return Array.from({ length: count }, (_, k) => values.subarray(k * width, (k + 1) * width));
};

/** Writes -Infinity where a piece may not follow. Eos stays where nothing else could. */
function ruleOut(row, ids, options, pieces, [fewest, most]) {
  for (const id of [pieces.bos, ...pieces.never]) row[id] = -Infinity;
  const ofEos = row[pieces.eos];
  if (ids.length < fewest) row[pieces.eos] = -Infinity;
  for (const id of repeating(ids, options.no_repeat_ngram_size)) row[id] = -Infinity;
  if (ids.length >= most) row.fill(-Infinity);
  if (row.every((value) => value === -Infinity)) row[pieces.eos] = ofEos;
}

/** The pieces that would make a sequence of n pieces stand twice (Paulus et al. 2018, section 2.5). */
function repeating(ids, n) {
  if (!n || ids.length < n) return [];
  const tail = ids.slice(ids.length - n + 1);
  const same = (place) => tail.every((id, i) => ids[place + i] === id);
  return ids.slice(n - 1).filter((_, place) => same(place));
}

/** The most probable continuations, the best first. */
function largest(rows, live, count) {
  const best = [];
  rows.forEach((row, k) => {
    const before = live[k].logProb;
    for (let id = 0; id < row.length; id++) {
      const logProb = f32(row[id] + before);
      if (!(logProb > (best.length === count ? best.at(-1).logProb : -Infinity))) continue;
      let place = best.length;
      while (place > 0 && best[place - 1].logProb < logProb) place--;
      best.splice(place, 0, { k, id, logProb });
      if (best.length > count) best.pop();
    }
  });
  return best;
}

/** The divisor of a log-probability. The length counts eos. */
function penalty(length, options) {
  return (options.length_formula === "power" ? length : (5 + length) / 6) ** options.length_penalty;
}

/** The coverage penalty of the attention to each position. */
function coverage(attention, options) {
  const strength = f32(options.coverage_penalty);
  if (!strength) return 0;
  const covered = attention[0].map((_, s) => attention.reduce((sum, row) => f32(sum + row[s]), 0));
  const wu = options.coverage_formula === "wu";
  const parts = covered.map((value) => (wu ? Math.log(Math.min(Math.max(value, TINY), 1)) : Math.max(value - 1, 0)));
  return (wu ? strength : -strength) * parts.reduce((sum, value) => sum + value, 0);
}
