import { contourContents, entrypoint } from "../../tools/image/contents.ts";
import type { ImageWish } from "./image.ts";

/** The image of this project's controller, of the same files as deploy/image/Dockerfile makes it. */
export function contourImage(tag = "test.local/contour:latest"): ImageWish {
  return { tags: [tag], ...contourContents(), entrypoint: [entrypoint], workingDir: "/app" };
}

/** The image of the Envoy binary at `binaryPath`. */
export function envoyImage(binaryPath: string, tag = "test.local/envoy:latest"): ImageWish {
  return {
    tags: [tag],
    programs: [{ from: binaryPath, to: "/usr/local/bin/envoy" }],
    entries: [],
    entrypoint: ["/usr/local/bin/envoy"],
  };
}
