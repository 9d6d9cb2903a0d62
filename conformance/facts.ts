import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

/** Which of the Gateway API's CRDs are installed. */
export type Channel = "standard" | "experimental";

/** A conformance profile and the features it is made of. */
export interface Profile {
  readonly name: string;
  readonly core: readonly string[];
  readonly extended: readonly string[];
}

/** A feature of the suite; mesh features are not for an ingress controller. */
export interface Feature {
  readonly name: string;
  readonly channel: Channel;
  readonly mesh: boolean;
}

/** A test of the suite, and the features without which it is skipped. */
export interface SuiteTest {
  readonly name: string;
  readonly features: readonly string[];
  readonly parallel: boolean;
}

/** What the official suite consists of, as its own Go packages say. */
export interface SuiteFacts {
  readonly version: string;
  readonly profiles: readonly Profile[];
  readonly features: readonly Feature[];
  readonly tests: readonly SuiteTest[];
  readonly images: readonly string[];
}

/** Asks the suite's Go module; the flags are those of the suite's own build, so that its compiled packages are used again. */
export async function readFacts(): Promise<SuiteFacts> {
  const cwd = join(import.meta.dirname, "../test/bed/kubernetes/build/gatewayapi");
  const args = ["run", "-trimpath", join(import.meta.dirname, "facts.go")];
  const { stdout } = await promisify(execFile)("go", args, { cwd, env: { ...process.env, CGO_ENABLED: "0" }, maxBuffer: 16 * 1024 * 1024 });
  return JSON.parse(stdout) as SuiteFacts;
}

/** The features that a channel's CRDs can express. */
export function featuresOf(facts: SuiteFacts, channel: Channel): ReadonlySet<string> {
  const fits = (feature: Feature): boolean => !feature.mesh && (channel === "experimental" || feature.channel === "standard");
  return new Set(facts.features.filter(fits).map(({ name }) => name));
}

/** The tests that a controller which supports everything must pass with a channel's CRDs. */
export function testsOf(facts: SuiteFacts, channel: Channel): readonly SuiteTest[] {
  const possible = featuresOf(facts, channel);
  return facts.tests.filter(({ features }) => features.every((name) => possible.has(name)));
}
