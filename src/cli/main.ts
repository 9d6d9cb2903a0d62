import { enableCompileCache } from "node:module";

// Compiled once per version of a file: the second start is about half a second faster.
enableCompileCache();
const { runProgram } = await import("#cli/program");
process.exitCode = await runProgram(process.argv.slice(2));
