import tab from "@bomb.sh/tab/commander";
import type { Command } from "commander";

/** Defines `contour complete`, which prints a shell's completion script; the script asks it for what can come next. Call it last: it describes the commands that are there. */
export function defineCompletion(program: Command): void {
  tab(program);
  const command = program.commands.find((one) => one.name() === "complete");
  command?.description("print a script that completes commands and flags: for bash, zsh, fish or powershell");
  command?.addHelpText("after", "\nExamples:\n  source <(contour complete bash)\n  source <(contour complete zsh)\n  contour complete fish | source");
}
