// Normalized text as pieces: the four kinds of SentencePiece models.

import { SPACE, characterAt } from "./normalizer.js";

const UNKNOWN_PENALTY = 10;
const SMALLEST = 1.1754943508222875e-38; // positive float of 32 bits: SentencePiece's maximum begins with it

/** Cuts text into the pieces whose scores have the largest sum (Kudo 2018, section 3.1). */
export function unigram(vocabulary) {
  const { scores, kinds } = vocabulary;
  const normal = scores.filter((_, id) => kinds[id] === "normal");
  const unknown = Math.fround(Math.min(...normal) - UNKNOWN_PENALTY);
  const largest = Math.max(SMALLEST, ...normal);
  const utf8 = new TextEncoder();
  const scoreOf = (piece, id) =>
    // such a symbol always wins
    kinds[id] === "user" ? Math.fround(utf8.encode(piece).length * largest) - 0.1 : scores[id];
  const longest = Math.max(...[...vocabulary.pieces].map((piece) => [...piece].length));

  return (text) => {
    const places = [0]; // where characters begin, and the end
    for (const character of text) places.push(places.at(-1) + character.length);
    const best = places.map(() => undefined); // of the paths that end at a place
    best[0] = { score: 0 };
    for (let start = 0; start + 1 < places.length; start++) {
      const before = best[start].score;
      let single = false;
      const end = Math.min(places.length - 1, start + longest);
      const offer = (to, value, known) => {
        const score = Math.fround(value + before);
        if (!best[to] || score > best[to].score) best[to] = { score, start, known };
      };
      for (let to = start + 1; to <= end; to++) {
        const piece = text.slice(places[start], places[to]);
        const id = vocabulary.ordinary.get(piece);
        if (id === undefined || kinds[id] === "unused") continue;
        offer(to, scoreOf(piece, id), true);
        single ||= to === start + 1;
      }
      if (!single) offer(start + 1, unknown, false);
    }
    const pieces = [];
    for (let to = places.length - 1; to > 0; to = best[to].start) {
      const piece = text.slice(places[best[to].start], places[to]);
      pieces.push([piece, best[to].known ? vocabulary.ordinary.get(piece) : vocabulary.unknown]);
    }
    return pieces.reverse();
  };
}

/** Merges the neighbours with the best score, as long as there are some (Sennrich et al. 2016). */
export function bpe(vocabulary) {
  const { scores, kinds, ordinary } = vocabulary;
  return (text) => {
    const parts = characters(vocabulary, text);
    const cuts = new Map(); // of pieces that only training has used
    for (;;) {
      let best;
      for (let i = 0; i + 1 < parts.length; i++) {
        if (parts[i].fixed || parts[i + 1].fixed) continue;
        const id = ordinary.get(parts[i].piece + parts[i + 1].piece);
        if (id !== undefined && (!best || scores[id] > scores[best.id])) best = { i, id };
      }
      if (!best) break;
      const [left, right] = parts.slice(best.i, best.i + 2).map((part) => part.piece);
      if (kinds[best.id] === "unused") cuts.set(left + right, [left, right]);
      parts.splice(best.i, 2, { piece: left + right });
    }
    const whole = (piece) => {
      const id = vocabulary.idOf(piece);
      return kinds[id] === "unused" && cuts.has(piece) ? cuts.get(piece).flatMap(whole) : [[piece, id]];
    };
    return parts.flatMap((part) => whole(part.piece));
  };
}

/** Every character is a piece. */
export const char = (vocabulary) => (text) =>
  characters(vocabulary, text).map(({ piece }) => [piece, vocabulary.idOf(piece)]);

/** Every word is a piece, with the space before it. */
export const word = (vocabulary) => (text) => {
  const words = text.match(new RegExp(`${SPACE}[^${SPACE}]*|[^${SPACE}]+`, "gu")) ?? [];
  return words.map((piece) => [piece, vocabulary.idOf(piece)]);
};

/** The characters of a text. Symbols stay whole. */
function characters(vocabulary, text) {
  const parts = [];
  for (let place = 0; place < text.length; ) {
    const symbol = vocabulary.symbols.at(text, place);
    const piece = symbol ?? characterAt(text, place);
    parts.push({ piece, fixed: symbol !== undefined });
    place += piece.length;
  }
  return parts;
}
