/** A number of two bytes. */
export function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

/** A number of six bytes. */
export function uint48(value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(value, 0, 6);
  return bytes;
}

/** A name in the form in which signatures count it: lower-case, not shortened (RFC 1035, section 3.1; RFC 4034, section 6.2). */
export function encodeName(name: string): Buffer {
  const labels = name.toLowerCase().split(".").filter((label) => label !== "");
  return Buffer.concat([...labels.map((label) => Buffer.concat([Buffer.from([Math.min(label.length, 63)]), Buffer.from(label.slice(0, 63), "latin1")])), Buffer.from([0])]);
}

/** A resource record (RFC 1035, section 3.2.1). */
export function encodeRecord({ name, type, class: kind, ttl, data }: { readonly name: string; readonly type: number; readonly class: number; readonly ttl: number; readonly data: Uint8Array }): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(kind, 2);
  fixed.writeUInt32BE(ttl, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([encodeName(name), fixed, data]);
}
