// image-cli.ts OUT.tar TAG[,TAG…] PROGRAM:/path/in/image — makes an image that runs one program.
import { buildImage } from "./image.ts";

const [out, tags, program] = process.argv.slice(2);
const [from, to] = program?.split(":") ?? [];
if (out === undefined || tags === undefined || from === undefined || to === undefined) {
  console.error("usage: image-cli.ts OUT.tar TAG[,TAG…] PROGRAM:/path/in/image");
  process.exit(2);
}
buildImage(out, { tags: tags.split(","), entries: [], programs: [{ from, to }], entrypoint: [to] });
console.log(`made ${out} (${tags})`);
