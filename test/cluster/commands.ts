import { readFileSync } from "node:fs";

/** The commands of a section of a document: its fenced `sh` blocks, one after the other. */
export interface Section {
  readonly title: string;
  readonly scripts: readonly string[];
}

/** Reads the sections of a Markdown file that have commands. */
export function sectionsOf(path: string): readonly Section[] {
  const parts = readFileSync(path, "utf8").split(/^## /m).slice(1);
  return parts.map((part) => ({ title: part.slice(0, part.indexOf("\n")), scripts: [...part.matchAll(/^```sh\n([^]*?)^```$/gm)].map((match) => match[1] ?? "") })).filter(({ scripts }) => scripts.length > 0);
}
