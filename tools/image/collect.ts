// collect.ts FOLDER: lays out the files of the controller's image, for the Dockerfile.
import { contourContents } from "./contents.ts";
import { layOutRoot } from "./root-files.ts";

const folder = process.argv[2];
if (folder === undefined) {
  console.error("usage: collect.ts FOLDER");
  process.exit(2);
}
layOutRoot(folder, contourContents());
