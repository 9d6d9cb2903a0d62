/** One block of a PEM text. */
export interface PemBlock {
  readonly label: string;
  readonly der: Buffer;
  /** Whether it says in its header that it needs a password (RFC 1421). */
  readonly encrypted: boolean;
}

/** What a PEM text holds. */
export interface PemText {
  readonly blocks: readonly PemBlock[];
  /** The label of a block that has no end, or whose contents are not base64. */
  readonly broken?: string;
}

const begin = /-----BEGIN ([A-Z0-9 ]+)-----/g;

/**
 * Reads the blocks of a PEM text, whatever is around them: notes, byte order marks, line ends of any kind, indentation. Each
 * block is looked at once, however many have no end: the text may be a megabyte from a stranger.
 */
export function readPem(text: string): PemText {
  const blocks: PemBlock[] = [];
  let from = 0;
  for (;;) {
    begin.lastIndex = from;
    const found = begin.exec(text);
    if (found === null) return { blocks };
    const label = found[1] ?? "";
    const end = `-----END ${label}-----`;
    const close = text.indexOf(end, begin.lastIndex);
    const block = close === -1 ? undefined : readBlock(label, text.slice(begin.lastIndex, close));
    if (block === undefined) return { blocks, broken: label };
    blocks.push(block);
    from = close + end.length;
  }
}

/** Headers are lines with a colon before the contents. */
function readBlock(label: string, contents: string): PemBlock | undefined {
  const headers = contents.match(/^\s*(?:[A-Za-z0-9-]+:.*\r?\n(?:[ \t]+\S.*\r?\n)*)+/)?.[0] ?? "";
  const base64 = contents.slice(headers.length).replaceAll(/\s+/g, "");
  if (base64 === "" || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return undefined;
  return { label, der: Buffer.from(base64, "base64"), encrypted: /ENCRYPTED/.test(headers) || label === "ENCRYPTED PRIVATE KEY" };
}

/** Writes a block the way every reader understands it. */
export function writePem(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der).toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** What a text is that has no block of the wanted kind, for whoever has to mend it. */
export function guessForm(text: string, blocks: readonly PemBlock[]): string {
  if (blocks.length > 0) return `it has: ${[...new Set(blocks.map(({ label }) => label))].join(", ")}`;
  if (text.startsWith("0\x82") || text.startsWith("0\x81") || text.startsWith("0\x83")) return "it is DER (binary); convert it with openssl to PEM, which begins with -----BEGIN";
  if (text.startsWith("\xff\xfe") || text.startsWith("\xfe\xff")) return "it is UTF-16 text; save it as UTF-8";
  if (/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(text.slice(0, 4096)) && text.startsWith("LS0tLS1CRUdJTi")) return "it is base64 of base64; put the PEM text into stringData, or encode it once";
  return "it is no PEM text, which begins with -----BEGIN";
}
