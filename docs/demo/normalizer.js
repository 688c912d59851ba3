// Text as SentencePiece normalizes it, by the rules that a model's file brings.

import { asText } from "./protobuf.js";

export const SPACE = "\u2581"; // what SentencePiece writes for a space

/** The longest of some symbols that a text has at a place. */
export class Symbols {
  /** @param {string[]} symbols - Without the empty one. */
  constructor(symbols) {
    this.symbols = new Set(symbols);
    this.lengths = [...new Set(symbols.map((symbol) => symbol.length))].sort((a, b) => b - a);
  }

  /** The symbol at the place, or undefined. */
  at(text, place) {
    const lengths = this.lengths.filter((length) => this.symbols.has(text.slice(place, place + length)));
    return lengths.length ? text.slice(place, place + lengths[0]) : undefined;
  }
}

/** The character at a place, which can be two units of UTF-16. */
export const characterAt = (text, place) => String.fromCodePoint(text.codePointAt(place));

export class Normalizer {
  /**
   * @param {object} options - `rules`: the field precompiled_charsmap, `dummyPrefix`,
   *   `removeExtraSpaces`, `escapeSpaces`, `spaceAsSuffix`.
   * @param {Symbols} symbols - Are left as they are.
   */
  constructor(options, symbols) {
    this.options = options;
    this.symbols = symbols;
    this.replace = options.rules?.length ? replacements(options.rules) : () => undefined;
  }

  /** The text in which pieces are looked for. */
  normalize(text) {
    const { removeExtraSpaces, dummyPrefix, spaceAsSuffix } = this.options;
    const space = this.options.escapeSpaces ? SPACE : " ";
    const parts = this.parts(text);
    let first = 0;
    if (removeExtraSpaces) while (parts[first] === " ") first++;
    if (first === parts.length) return "";
    let result = dummyPrefix && !spaceAsSuffix ? space : "";
    let afterSpace = removeExtraSpaces;
    for (let part of parts.slice(first)) {
      if (afterSpace) part = part.replace(/^ +/, "");
      if (part) {
        afterSpace = removeExtraSpaces && part.endsWith(" ");
        result += part.replaceAll(" ", space);
      }
    }
    if (removeExtraSpaces) while (result.endsWith(space)) result = result.slice(0, -1);
    return result + (dummyPrefix && spaceAsSuffix ? space : "");
  }

  /** What each stretch of the text becomes. */
  parts(text) {
    const own = text.toWellFormed?.() ?? text;
    const parts = [];
    for (let place = 0; place < own.length; ) {
      const symbol = this.symbols.at(own, place);
      const [length, part] = (symbol ? undefined : this.replace(own, place)) ?? [];
      const read = symbol ?? (length ? own.slice(place, place + length) : characterAt(own, place));
      parts.push(part ?? read);
      place += read.length;
    }
    return parts;
  }
}

/**
 * The rules of a model: a trie of what is replaced, in the form of the library Darts-clone, and then what
 * replaces it. Each value of the trie is a place there.
 *
 * @returns {function} Of a text and a place in it. Gives the length of the longest match and its replacement,
 *   or undefined.
 */
function replacements(rules) {
  const view = new DataView(rules.buffer, rules.byteOffset, rules.byteLength);
  const size = view.getUint32(0, true);
  const units = Uint32Array.from({ length: size / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
  const texts = rules.subarray(4 + size);
  const utf8 = new TextEncoder();
  const child = (unit) => (unit >>> 10) << ((unit & 512) >>> 6);
  return (text, start) => {
    let node = child(units[0]);
    let match;
    for (let place = start; place < text.length; ) {
      const character = characterAt(text, place);
      place += character.length;
      for (const byte of utf8.encode(character)) {
        node ^= byte;
        const unit = units[node];
        if (unit === undefined || (unit & 0x800000ff) >>> 0 !== byte) return decoded(match, texts);
        node ^= child(unit);
        if (unit & 256) match = [place - start, units[node] & 0x7fffffff];
      }
    }
    return decoded(match, texts);
  };
}

function decoded(match, texts) {
  if (!match) return undefined;
  const [length, first] = match;
  return [length, asText(texts.subarray(first, texts.indexOf(0, first)))];
}
