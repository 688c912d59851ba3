// SentencePiece models: text to ids and back, with the very pieces of the library.

import { Normalizer, SPACE, Symbols } from "./normalizer.js";
import { asFloat, asText, fields, message } from "./protobuf.js";
import { bpe, char, unigram, word } from "./segmentation.js";

const KINDS = { 1: "normal", 2: "unknown", 3: "control", 4: "user", 5: "unused", 6: "byte" };
const SEGMENTATIONS = { 1: unigram, 2: bpe, 3: word, 4: char };
const SURFACE = " \u2047 "; // of the unknown piece in text
const REPLACEMENT = "\ufffd"; // of a byte that is no part of a character
const WORDS = new RegExp(`${SPACE}?[^${SPACE}]+|${SPACE}`, "gu");

export class Tokenizer {
  /**
   * @param {Uint8Array} bytes - The model's file.
   * @throws {RangeError} It holds something else.
   */
  constructor(bytes) {
    const pieces = [...fields(bytes)].filter(([number]) => number === 1).map(([, piece]) => message(piece));
    const content = message(bytes);
    if (!pieces.length || !content[2] || !content[3]) throw new RangeError("a file holds no SentencePiece model");
    const [training, rules] = [message(content[2]), message(content[3])];
    this.pieces = pieces.map((piece) => asText(piece[1]));
    this.kinds = pieces.map((piece) => KINDS[piece[3] ?? 1]);
    this.size = pieces.length;
    this.unknown = this.kinds.indexOf("unknown");
    this.eos = this.pieces.indexOf(training[47] ? asText(training[47]) : "</s>");
    this.surface = training[44] ? asText(training[44]) : SURFACE;
    this.hasBytes = Boolean(training[35]);
    this.ids = new Map(this.pieces.map((piece, id) => [piece, id]));
    this.options = {
      rules: rules[2],
      dummyPrefix: Boolean(rules[3] ?? 1),
      removeExtraSpaces: Boolean(rules[4] ?? 1),
      escapeSpaces: Boolean(rules[5] ?? 1),
      spaceAsSuffix: Boolean(training[24]),
    };
    const symbols = new Symbols(this.pieces.filter((_, id) => this.kinds[id] === "user"));
    this.normalizer = new Normalizer(this.options, symbols);
    this.denormalizer = denormalizer(content[5]);
    const ordinary = [...this.ids].filter(([, id]) => ["normal", "user", "unused"].includes(this.kinds[id]));
    this.segment = SEGMENTATIONS[training[3] ?? 1]({
      ordinary: new Map(ordinary),
      pieces: ordinary.map(([piece]) => piece),
      idOf: (piece) => this.ids.get(piece) ?? this.unknown,
      scores: pieces.map((piece) => (piece[2] ? asFloat(piece[2]) : 0)),
      kinds: this.kinds,
      unknown: this.unknown,
      symbols,
    });
  }

  /** The pieces of a text with their ids. Unknown characters in a row are one piece, or pieces of bytes. */
  segments(text) {
    const result = [];
    for (const [piece, id] of this.segment(this.normalizer.normalize(text))) {
      if (id !== this.unknown) {
        result.push([piece, id]);
      } else if (this.hasBytes) {
        for (const byte of new TextEncoder().encode(piece)) {
          const own = `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
          result.push([own, this.ids.get(own)]);
        }
      } else if (result.at(-1)?.[1] === id) {
        result.at(-1)[0] += piece;
      } else {
        result.push([piece, id]);
      }
    }
    return result;
  }

  /** Ids of a text, without eos. */
  encode(text) {
    return this.segments(text).map(([, id]) => id);
  }

  /** Ids of a text, and the words in it that have no piece. The j-th has the id `size` + j. */
  encodeWords(text) {
    const words = [];
    const spelled = ([piece, id]) => {
      if (id !== this.unknown) return [id];
      return piece.match(WORDS).map((own) => {
        if (!words.includes(own)) words.push(own);
        return this.size + words.indexOf(own);
      });
    };
    return [this.segments(text).flatMap(spelled), words];
  }

  /** The pieces that ids name. Ids from the size on name `words`. */
  name(ids, words = []) {
    return ids.map((id) => (id < this.size ? this.pieces[id] : words[id - this.size]));
  }

  /** The text that ids spell. */
  decode(ids, words = []) {
    const pieces = this.name(ids, words);
    if (!words.length) return this.join(pieces);
    const text = this.join(pieces).replaceAll(SPACE, " "); // unknown words are left as they are
    const starts = ids.length > 0 && ids[0] >= this.size && pieces[0].startsWith(SPACE);
    return starts && text.startsWith(" ") ? text.slice(1) : text;
  }

  /** The text of pieces. */
  join(pieces) {
    const { dummyPrefix, removeExtraSpaces } = this.options;
    let text = "";
    let atStart = true;
    let hasStart = false;
    let bytes = [];
    const flush = () => {
      text += spell(bytes);
      bytes = [];
    };
    for (const piece of pieces) {
      const kind = this.kinds[this.ids.get(piece) ?? this.unknown];
      if (kind === "byte") {
        bytes.push(parseInt(piece.slice(3, 5), 16));
        continue;
      }
      flush();
      if (hasStart || text) atStart = false;
      if (kind === "control") continue;
      if (kind === "unknown") {
        text += piece === this.pieces[this.unknown] ? this.surface : piece;
        continue;
      }
      let own = piece;
      if (atStart && (dummyPrefix || removeExtraSpaces) && own.startsWith(SPACE)) {
        own = own.slice(1);
        // further spaces at the start are removed too
        hasStart = !removeExtraSpaces;
      }
      text += own.replaceAll(SPACE, " ");
    }
    flush();
    return this.denormalizer ? this.denormalizer.normalize(text) : text;
  }
}

function denormalizer(bytes) {
  const spec = bytes ? message(bytes) : {};
  if (!spec[2]?.length) return undefined;
  const options = { rules: spec[2], dummyPrefix: false, removeExtraSpaces: false, escapeSpaces: false };
  return new Normalizer(options, new Symbols([]));
}

/** The characters that bytes spell. A byte that is no part of one becomes U+FFFD. */
function spell(bytes) {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let text = "";
  for (let place = 0; place < bytes.length; ) {
    const first = bytes[place];
    const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    try {
      text += strict.decode(Uint8Array.from(bytes.slice(place, place + length)));
      place += length;
    } catch {
      text += REPLACEMENT;
      place += 1;
    }
  }
  return text;
}
