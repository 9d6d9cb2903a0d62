import { count } from "#lib/count";
import type { WayIn } from "#app/doctor/way-in";
import { chooseEnvoys, chooseTargets, planOf } from "#doctor/choose";
import type { Choice } from "#doctor/choose";
import { findCnis, unknownCni } from "#doctor/cni";
import type { FoundCni } from "#doctor/cni";
import { policySightings, sightingsOf } from "#doctor/endpoint-findings";
import type { Sighting } from "#doctor/endpoint-findings";
import type { Sight } from "#doctor/verdict";
import { describeEnvoy, envoyFindings, missingEnvoys } from "#doctor/envoy-findings";
import type { Finding } from "#doctor/finding";
import { measure } from "#doctor/latency";
import type { Latency } from "#doctor/latency";
import { mergeSightings, sortFindings } from "#doctor/merge";
import { objectFindings } from "#doctor/object-findings";
import type { EndpointResult, EnvoyResult, ProbeDepth, ProbeEnd } from "#doctor/plan";
import { select } from "#doctor/subject";
import type { Subject } from "#doctor/subject";
import type { RoutedView } from "#doctor/view";
import type { EnvoyView, NetworkWorld } from "#doctor/world";

/** How much is looked at, and how long. */
export interface DiagnosisLimits {
  readonly depth: ProbeDepth;
  /** Probes at once, in each Envoy's place. */
  readonly concurrency: number;
  readonly timeoutMs: number;
  /** For all probes of an Envoy together. */
  readonly limitMs: number;
  readonly mostEndpoints: number;
  readonly mostEnvoys: number;
}

/** What a diagnosis is made of. */
export interface DiagnosisInput {
  readonly subjects: readonly Subject[];
  readonly view: RoutedView;
  readonly world: NetworkWorld;
  readonly envoys: readonly EnvoyView[];
  /** Absent where nothing is to be probed. */
  readonly wayIn?: WayIn;
  readonly limits: DiagnosisLimits;
  readonly notes: readonly string[];
  /** Hears how far it is. */
  readonly progress: (line: string) => void;
}

/** What was done at one Envoy. */
export interface EnvoyReport {
  readonly name: string;
  readonly namespace: string;
  readonly node?: string;
  readonly network: "pod" | "host";
  readonly fleet: string;
  readonly probed: number;
  /** Endpoints that it has, of which `probed` were chosen and came to be tried. */
  readonly of: number;
  readonly latency: readonly Latency[];
  readonly mtu?: number;
  /** Why nothing could be tried from its place. */
  readonly failed?: string;
}

/** The outcome. */
export interface Diagnosis {
  readonly cnis: readonly FoundCni[];
  readonly routes: number;
  readonly backends: number;
  readonly envoys: readonly EnvoyReport[];
  /** Envoys that were not chosen. */
  readonly envoysLeftOut: number;
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
}

/** Looks at everything that was chosen, from each Envoy's own place, and says what is wrong. */
export async function diagnose(input: DiagnosisInput): Promise<Diagnosis> {
  const { view, subjects, world, limits, wayIn, progress } = input;
  const selection = select(view, subjects);
  const fleets = new Set([...selection.routes, ...selection.clusters].map(({ fleet }) => fleet));
  const concerned = input.envoys.filter(({ fleet }) => fleets.has(fleet));
  const chosen = chooseEnvoys(concerned, limits.mostEnvoys);
  const choices = chooseTargets(selection, chosen, limits.mostEndpoints);
  const found = world.cni === undefined ? [] : findCnis(world.cni);
  const context = { world, cnis: found };
  progress(`${count(selection.routes.length, "route")} to ${count(selection.clusters.length, "backend")}, from ${count(chosen.length, "Envoy")}`);
  const visits = await eachAtOnce(choices, envoysAtOnce, (choice) => visit(choice, wayIn, limits, progress));
  const sightings = visits.flatMap(({ choice, sight, failed }): readonly Sighting[] => (wayIn === undefined || failed !== undefined ? policySightings(choice.envoy, choice.targets, context) : sightingsOf(sight, context)));
  const findings = [
    ...objectFindings(selection, view),
    ...missingEnvoys(selection, input.envoys),
    ...visits.flatMap(({ choice, said }) => envoyFindings(choice.envoy, said, selection)),
    ...mergeSightings(sightings),
  ];
  return {
    cnis: world.cni === undefined ? [] : found.length > 0 ? found : [unknownCni],
    routes: selection.routes.length,
    backends: selection.clusters.length,
    envoys: visits.map((one) => report(one, wayIn !== undefined)),
    envoysLeftOut: concerned.length - chosen.length,
    findings: sortFindings([...new Map(findings.map((one) => [JSON.stringify(one), one])).values()]),
    notes: [...input.notes, ...datagramNote(selection)],
  };
}

/** Envoys that are visited at once. */
const envoysAtOnce = 4;

interface Visit {
  readonly choice: Choice;
  readonly sight: Sight;
  readonly said?: EnvoyResult;
  readonly failed?: string;
}

async function visit(choice: Choice, wayIn: WayIn | undefined, { depth, concurrency, timeoutMs, limitMs }: DiagnosisLimits, progress: (line: string) => void): Promise<Visit> {
  const { envoy, targets } = choice;
  if (wayIn === undefined) return { choice, sight: { envoy, seen: [] } };
  const results: EndpointResult[] = [];
  let said: EnvoyResult | undefined;
  let end: ProbeEnd | undefined;
  const who = describeEnvoy(envoy);
  let told = 0;
  try {
    await wayIn.look(envoy, planOf(choice, { adminSocket: wayIn.adminSocket(envoy), depth, concurrency, timeoutMs, limitMs }), (line) => {
      if (line.kind === "envoy") said = line;
      else if (line.kind === "end") end = line;
      else results.push(line);
      if (results.length - told >= 100) progress(`${who}: ${(told = results.length)} of ${count(targets.length, "endpoint")}`);
    });
  } catch (error) {
    return { choice, sight: { envoy, seen: [] }, failed: error instanceof Error ? error.message : String(error) };
  }
  progress(`${who}: ${count(targets.length, "endpoint")} tried`);
  const byId = new Map(targets.map((target) => [target.probe.id, target]));
  const seen = results.flatMap((result) => {
    const target = byId.get(result.id);
    return target === undefined ? [] : [{ target, result }];
  });
  const mtu = (end as ProbeEnd | undefined)?.mtu;
  return { choice, sight: { envoy, seen, ...(mtu === undefined ? {} : { mtu }) }, ...(said === undefined ? {} : { said }) };
}

function report({ choice: { envoy, of }, sight, failed, said }: Visit, probing: boolean): EnvoyReport {
  const { name, namespace, node, hostNetwork, fleet } = envoy;
  const trouble = failed ?? (said?.failed === undefined ? undefined : `its admin interface could not be asked: ${said.failed}`);
  return {
    name, namespace, fleet, network: hostNetwork ? "host" : "pod", of,
    probed: probing && failed === undefined ? new Set(sight.seen.map(({ target }) => target)).size : 0,
    latency: measure(sight),
    ...(node === undefined ? {} : { node }),
    ...(sight.mtu === undefined ? {} : { mtu: sight.mtu }),
    ...(trouble === undefined ? {} : { failed: trouble }),
  };
}

function datagramNote({ clusters }: RoutedView): readonly string[] {
  const left = clusters.filter(({ carries }) => carries === "datagrams").length;
  return left === 0 ? [] : [`${count(left, "backend")} for UDP: nothing is sent to them, as no datagram is known that changes nothing`];
}

async function eachAtOnce<T, R>(items: readonly T[], most: number, act: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results = new Map<number, R>();
  const waiting = [...items.entries()];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) results.set(next[0], await act(next[1]));
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, work));
  return items.flatMap((_, i) => { const result = results.get(i); return result === undefined ? [] : [result]; });
}
