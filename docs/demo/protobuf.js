// The fields of a message in the format of Protocol Buffers, as far as SentencePiece models need them.

const text = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Yields the fields of a message: their number and their value.
 *
 * @param {Uint8Array} bytes - The message.
 * @yields {[number, number | Uint8Array]} Numbers of 32 or 64 bits that are floats come as their bytes.
 */
export function* fields(bytes) {
  let place = 0;
  const varint = () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[place++];
      if (byte === undefined) throw new RangeError("the message ends too early");
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  const part = (length) => {
    if (place + length > bytes.length) throw new RangeError("the message ends too early");
    place += length;
    return bytes.subarray(place - length, place);
  };
  while (place < bytes.length) {
    const key = varint();
    const kind = key % 8;
    const number = Math.floor(key / 8);
    if (kind === 0) yield [number, varint()];
    else if (kind === 1) yield [number, part(8)];
    else if (kind === 2) yield [number, part(varint())];
    else if (kind === 5) yield [number, part(4)];
    else throw new RangeError(`a field has the unknown kind ${kind}`);
  }
}

/** The last value of each field by its number. */
export const message = (bytes) => Object.fromEntries(fields(bytes));

/** A field as text. */
export const asText = (bytes) => text.decode(bytes);

/** A field of four bytes as a float. */
export const asFloat = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0, true);
