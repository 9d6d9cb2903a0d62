import { createHash } from "node:crypto";

/** A name that says what it is for, and is equal for equal contents only. */
export function contentId(name: string, contents: unknown): string {
  return `${name}-${createHash("sha256").update(JSON.stringify(contents)).digest("hex").slice(0, 12)}`;
}
