import type { Duration } from "#gen/envoy/google/protobuf/duration";
import type { TimeoutSetting } from "#model/route";
import type { TimeoutChoice } from "#settings/envoy";

/** Milliseconds as Envoy writes them. */
export function toDuration(ms: number): Duration {
  const nanos = Math.round(ms * 1e6);
  return { seconds: BigInt(Math.trunc(nanos / 1e9)), nanos: nanos % 1e9 };
}

/** A limit of a route as Envoy writes it: zero turns it off, undefined leaves Envoy's default. */
export function timeoutDuration(setting: TimeoutSetting | undefined): Duration | undefined {
  if (setting === undefined) return undefined;
  return toDuration(setting.kind === "off" ? 0 : setting.ms);
}

/** A limit from the settings as Envoy writes it. */
export function choiceDuration(choice: TimeoutChoice | undefined): Duration | undefined {
  if (choice === undefined) return undefined;
  return toDuration(choice === "off" ? 0 : choice);
}
