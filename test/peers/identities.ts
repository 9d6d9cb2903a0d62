import { readFileSync } from "node:fs";

const folder = new URL("../../testdata/certificates/", import.meta.url);

/** A certificate of the golden stories with its key, as PEM. */
export function pemOf(name: string): { readonly certificate: string; readonly key: string } {
  const read = (file: string): string => readFileSync(new URL(file, folder), "utf8");
  return { certificate: read(`${name}.pem`), key: read(`${name}.key`) };
}
