import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";

const contour = join(import.meta.dirname, "../bin/contour");

describe("shell completion", () => {
  it("knows commands and their flags", async () => {
    const complete = async (...args: readonly string[]): Promise<string> => (await promisify(execFile)(contour, ["complete", "--", ...args])).stdout;
    assert.match(await complete(""), /^certgen\t/m);
    assert.match(await complete("envoy", ""), /^shutdown-manager\t/m);
    assert.match(await complete("bootstrap", "--xds-a"), /^--xds-address\t/m);
  });

  for (const shell of ["bash", "zsh", "fish"]) it(`has a script for ${shell}`, async () => assert.match((await promisify(execFile)(contour, ["complete", shell])).stdout, /contour.*complete/));

  it("completes in a real bash", async () => {
    // What the package bash-completion takes from the line.
    const words = "_get_comp_words_by_ref() { words=(contour cert); cword=1; cur=cert; prev=contour; }";
    const { stdout } = await promisify(execFile)("bash", ["-c", `source <(contour complete bash); ${words}; __contour_complete; echo "\${COMPREPLY[@]}"`], { env: { ...process.env, PATH: `${join(contour, "..")}:${process.env["PATH"]}` } });
    assert.match(stdout, /^certgen\b/);
  });
});
