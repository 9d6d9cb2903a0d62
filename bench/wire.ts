/** One field of an encoded protobuf message: its number, and its bytes when it has any. */
interface Field {
  readonly number: number;
  readonly bytes: Uint8Array | undefined;
}

/** Every value at `path` (field numbers from the outside in) of an encoded message, without decoding the rest. */
export function valuesAt(message: Uint8Array, path: readonly number[]): readonly Uint8Array[] {
  const [wanted, ...rest] = path;
  if (wanted === undefined) return [message];
  const found: Uint8Array[] = [];
  for (const { number, bytes } of fieldsOf(message)) {
    if (number === wanted && bytes !== undefined) found.push(...valuesAt(bytes, rest));
  }
  return found;
}

/** Every text at `path` of an encoded message. */
export function textsAt(message: Uint8Array, path: readonly number[]): readonly string[] {
  return valuesAt(message, path).map((bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
}

/** The first text at `path`, or the empty one. */
export function textAt(message: Uint8Array, path: readonly number[]): string {
  return textsAt(message, path)[0] ?? "";
}

function* fieldsOf(message: Uint8Array): Generator<Field> {
  let at = 0;
  while (at < message.length) {
    const [tag, afterTag] = readVarint(message, at);
    const number = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        at = readVarint(message, afterTag)[1];
        yield { number, bytes: undefined };
        break;
      case 1:
        at = afterTag + 8;
        break;
      case 5:
        at = afterTag + 4;
        break;
      case 2: {
        const [length, start] = readVarint(message, afterTag);
        at = start + length;
        yield { number, bytes: message.subarray(start, at) };
        break;
      }
      default:
        throw new Error(`not a protobuf message: wire type ${tag % 8} at ${at}`);
    }
  }
}

function readVarint(bytes: Uint8Array, start: number): readonly [value: number, next: number] {
  let value = 0;
  let factor = 1;
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return [value, at + 1];
    factor *= 128;
  }
  throw new Error("not a protobuf message: it ends inside a number");
}
