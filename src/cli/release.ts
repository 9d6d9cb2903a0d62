import { buildInfo } from "#app/build-info";
import { envoyVersion } from "#settings/envoy";

/** The release, and the Envoy that it is made for, in one line. */
export function shortVersion(): string {
  return `contour ${buildInfo(process.env).version} (Envoy ${envoyVersion})`;
}

/** The image of this release. */
export function contourImage(): string {
  return `projectcontour/contour:v${buildInfo(process.env).version}`;
}
