import { Option } from "commander";
import type { Command } from "commander";
import { buildInfo } from "#app/build-info";
import { envoyVersion } from "#settings/envoy";

/** Defines `contour version`. */
export function defineVersion(program: Command): void {
  program
    .command("version")
    .description("print the version, and what it was built from")
    .addOption(new Option("--output <format>", "text, or json for programs").choices(["text", "json"]).default("text"))
    .action(({ output }: { readonly output: string }) => void process.stdout.write(output === "json" ? `${JSON.stringify(facts())}\n` : text()));
}

function facts(): Readonly<Record<string, string>> {
  const { version, revision, branch } = buildInfo(process.env);
  return { version, commit: revision, branch, envoy: envoyVersion };
}

function text(): string {
  return Object.entries(facts()).map(([name, value]) => `${name}: ${value}\n`).join("");
}
