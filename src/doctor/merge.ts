import { compareText } from "#lib/compare";
import type { Finding, FindingId } from "#doctor/finding";
import type { Sighting } from "#doctor/endpoint-findings";

/** How many places a line names before it counts. */
const mostNamed = 3;

/** What is wrong with the network, and not with an object: it is the same for all objects. */
const ofNetwork: ReadonlySet<FindingId> = new Set(["network-policy-ingress", "network-policy-egress", "node-path", "family-path", "mtu"]);

/** The same thing seen from several Envoys, at several endpoints or, where it is the network's, for several objects, is one finding. */
export function mergeSightings(sightings: readonly Sighting[]): readonly Finding[] {
  const groups = Map.groupBy(sightings, ({ finding: { id, who, what, fix }, service }) => JSON.stringify([id, comparable(what), fix, ...(ofNetwork.has(id) ? [] : [who, service])]));
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const objects = [...new Set(group.map(({ finding }) => finding.who))].toSorted(compareText);
    const services = [...new Set(group.map(({ service }) => service))];
    const endpoints = nameSome(group.map(({ endpoint }) => endpoint), "endpoints");
    const envoys = nameSome(group.map(({ envoy }) => envoy), "Envoys");
    const where = [...(services.length === 1 ? services : []), endpoints, `from ${envoys}`].filter((part) => part !== "").join(", ");
    return [{ ...first.finding, who: nameSome(objects, "objects"), where, ...(objects.length > mostNamed ? { objects } : {}) }];
  });
}

/** Figures differ from probe to probe, and are no other finding. */
function comparable(text: string): string {
  return text.replaceAll(/\d+/g, "N");
}

function nameSome(names: readonly string[], what: string): string {
  const unique = [...new Set(names)].toSorted(compareText);
  return unique.length <= mostNamed ? unique.join(", ") : `${unique.slice(0, mostNamed).join(", ")} and ${unique.length - mostNamed} more ${what}`;
}

/** Errors first; then by object. */
export function sortFindings(findings: readonly Finding[]): readonly Finding[] {
  const key = ({ who, id, where }: Finding): string => `${who} ${id} ${where}`;
  return findings.toSorted((a, b) => compareText(a.severity, b.severity) || compareText(key(a), key(b)));
}
