import { shortVersion } from "#cli/release";
import { Command, CommanderError, Option } from "commander";

/** Exit codes: 0 done, 1 the input has errors, 2 the command was not understood, 3 something outside failed. */
export const exitCode = { ok: 0, invalid: 1, usage: 2, failed: 3 } as const;

/** Runs one command line and gives its exit code. Only the chosen command's code is loaded. */
export async function runProgram(args: readonly string[]): Promise<number> {
  let code: number = exitCode.ok;
  const program = await defineProgram((result) => void (code = result));
  try {
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.usage;
    process.stderr.write(`contour: ${error instanceof Error ? error.message : String(error)}\n`);
    if (process.env["CONTOUR_DEBUG"] !== undefined && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    return exitCode.failed;
  }
  return code;
}

/** All commands with their options; `finish` hears the exit code of the one that runs. */
export async function defineProgram(finish: (code: number) => void): Promise<Command> {
  const program = new Command("contour").description("Routes HTTP(S) traffic into Kubernetes: Ingress, HTTPProxy and Gateway API to Envoy.").version(shortVersion()).exitOverride().showHelpAfterError("(contour COMMAND --help shows what there is)").configureHelp({ showGlobalOptions: true });
  program.addOption(new Option("--log-format <format>", "how log lines are written").choices(["text", "json"]).default("text"));
  (await import("#cli/translate")).defineTranslate(program, finish);
  (await import("#cli/run")).defineRun(program, finish);
  (await import("#cli/serve")).defineServe(program, finish);
  (await import("#cli/gateway-provisioner")).defineGatewayProvisioner(program, finish);
  (await import("#cli/bootstrap")).defineBootstrap(program, finish);
  (await import("#cli/certgen")).defineCertgen(program, finish);
  (await import("#cli/ca")).defineCa(program, finish);
  (await import("#cli/envoy")).defineEnvoy(program, finish);
  (await import("#cli/doctor")).defineDoctor(program, finish);
  (await import("#cli/cli")).defineCli(program, finish);
  (await import("#cli/version")).defineVersion(program);
  (await import("#cli/completion")).defineCompletion(program);
  return program;
}
