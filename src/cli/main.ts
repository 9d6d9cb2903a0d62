import { enableCompileCache } from "node:module";

// Compiled once per version of a file: the second start is about half a second faster.
enableCompileCache();
// Who reads through a pipe may have seen enough: `contour --help | head`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});
const { runProgram } = await import("#cli/program");
process.exitCode = await runProgram(process.argv.slice(2));
