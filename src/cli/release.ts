import { readFileSync } from "node:fs";

/** The release that this program is. */
export function contourVersion(): string {
  return (JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { readonly version: string }).version;
}

/** The image of this release. */
export function contourImage(): string {
  return `projectcontour/contour:v${contourVersion()}`;
}
