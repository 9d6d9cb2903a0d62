import type { Channel, Profile, SuiteFacts, SuiteTest } from "./facts.ts";
import { featuresOf, testsOf } from "./facts.ts";
import type { Outcome, ResultLine } from "./output.ts";

/** The fields that are read of the suite's report. */
export interface Report {
  readonly date: string;
  readonly gatewayAPIVersion: string;
  readonly gatewayAPIChannel: string;
  readonly profiles: readonly ReportedProfile[];
}

/** A profile in the suite's report; its counts take parallel tests for passed before they have run. */
export interface ReportedProfile {
  readonly name: string;
  readonly core: { readonly result: string };
  readonly extended?: { readonly result: string; readonly supportedFeatures?: readonly string[] };
}

/** A whole run of the suite. */
export interface Run {
  readonly channel: Channel;
  readonly results: readonly ResultLine[];
  readonly exitStatus: number;
  /** Absent where the suite ended before it wrote one. */
  readonly report?: Report;
}

/** How many of how many. */
export interface Share {
  readonly reached: number;
  readonly of: number;
}

/** A profile by the results of its tests. */
export interface ProfileVerdict {
  readonly name: string;
  readonly core: Share;
  readonly extended: Share;
  readonly features: Share;
  readonly missingFeatures: readonly string[];
}

/** What a run proves. */
export interface Verdict {
  readonly passed: readonly string[];
  readonly failed: readonly string[];
  /** Tests that a controller which supports everything would have passed, and that did not run. */
  readonly skipped: readonly string[];
  readonly profiles: readonly ProfileVerdict[];
  /** Why the run is no success; none when it is one. */
  readonly complaints: readonly string[];
}

/** Judges a run by its output; the suite's own report counts for nothing but the features. */
export function judge(facts: SuiteFacts, run: Run): Verdict {
  const wanted = testsOf(facts, run.channel);
  const outcomes = outcomesOf(run.results);
  const named = (outcome: Outcome): readonly string[] => [...outcomes].filter(([, actual]) => actual === outcome).map(([test]) => test).toSorted();
  const passed = named("PASS");
  const failed = named("FAIL");
  const skipped = wanted.map(({ name }) => name).filter((name) => outcomes.get(name) === undefined || outcomes.get(name) === "SKIP").toSorted();
  const profiles = facts.profiles.map((profile) => judgeProfile(facts, run, profile, wanted.filter((test) => belongsTo(profile, test)), new Set(passed)));
  return { passed, failed, skipped, profiles, complaints: [...complaintsOfTests(run, failed, skipped), ...facts.profiles.flatMap((profile, index) => complaintsOfProfile(run, profile, profiles[index]))] };
}

// A test with a failing part fails, whatever is said of the whole.
function outcomesOf(results: readonly ResultLine[]): ReadonlyMap<string, Outcome> {
  const outcomes = new Map<string, Outcome>();
  for (const { test, part, outcome } of results) {
    if (outcome === "FAIL" || (part === "" && outcomes.get(test) !== "FAIL")) outcomes.set(test, outcome);
  }
  return outcomes;
}

function belongsTo({ core, extended }: Profile, test: SuiteTest): boolean {
  return test.features.every((feature) => core.includes(feature) || extended.includes(feature));
}

function judgeProfile(facts: SuiteFacts, run: Run, profile: Profile, tests: readonly SuiteTest[], passed: ReadonlySet<string>): ProfileVerdict {
  const possible = featuresOf(facts, run.channel);
  const wanted = profile.extended.filter((feature) => possible.has(feature));
  const supported = new Set(run.report?.profiles.find(({ name }) => name === profile.name)?.extended?.supportedFeatures);
  const missingFeatures = wanted.filter((feature) => !supported.has(feature));
  const isCore = ({ features }: SuiteTest): boolean => features.every((feature) => profile.core.includes(feature));
  const share = (some: readonly SuiteTest[]): Share => ({ reached: some.filter(({ name }) => passed.has(name)).length, of: some.length });
  return {
    name: profile.name,
    core: share(tests.filter(isCore)),
    extended: share(tests.filter((test) => !isCore(test))),
    features: { reached: wanted.length - missingFeatures.length, of: wanted.length },
    missingFeatures,
  };
}

function complaintsOfTests(run: Run, failed: readonly string[], skipped: readonly string[]): readonly string[] {
  const parts = run.results.filter(({ part, outcome }) => part !== "" && outcome === "SKIP").map(({ test, part }) => `${test}/${part}`);
  return [
    ...(run.exitStatus === 0 ? [] : [`exit status ${run.exitStatus}`]),
    ...(failed.length === 0 ? [] : [`failed: ${failed.join(", ")}`]),
    ...(skipped.length === 0 ? [] : [`did not run: ${skipped.join(", ")}`]),
    ...(parts.length === 0 ? [] : [`parts that were skipped: ${parts.join(", ")}`]),
    ...(run.report === undefined ? ["the suite wrote no report"] : []),
  ];
}

function complaintsOfProfile(run: Run, profile: Profile, verdict: ProfileVerdict | undefined): readonly string[] {
  if (run.report === undefined) return [];
  const reported = run.report.profiles.find(({ name }) => name === profile.name);
  if (reported === undefined) return [`${profile.name} is not in the report`];
  return [
    ...(reported.core.result === "success" ? [] : [`${profile.name}: core is ${reported.core.result}`]),
    ...(verdict === undefined || verdict.missingFeatures.length === 0 ? [] : [`${profile.name}: unsupported ${verdict.missingFeatures.join(", ")}`]),
  ];
}
