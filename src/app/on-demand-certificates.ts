import { buildRenamedSecret } from "#envoy/secret";
import { spokenName } from "#envoy/names";
import { asksOnDemand, certificateOnDemand, onDemandListeners } from "#app/tls-shape";
import { resources } from "#app/resources";
import { splitFleet } from "#model/fleet";
import type { FleetName } from "#model/fleet";
import type { Family, Reader } from "#store/family";
import type { Graph } from "#store/graph";
import { splitTlsHostKey } from "#translate/tls-hosts";

/** A host whose certificate some Envoy of the fleet has asked for. */
interface Asked {
  /** The names as they were asked for: clients may write capitals. */
  readonly spellings: Set<string>;
  /** The certificate, qualified by the fleet, and its bytes as they were given last; absent while there is none. */
  certificate: string | undefined;
  bytes: Uint8Array | undefined;
}

/** Envoy keeps an answer for every spelling, and clients choose them: who plays with capitals must not fill its memory. */
const maxSpellings = 8;

/** Certificates that Envoys of one fleet ask for by the names of hosts, when a client first wants one. */
export class OnDemandCertificates {
  readonly #graph: Graph;
  readonly #fleet: FleetName;
  /** By host in lower case. Holds hosts that exist or have existed, never what clients make up. */
  readonly #asked = new Map<string, Asked>();
  readonly #hostsOf = new Map<string, Set<string>>();

  /** Which listener it is counts from when Envoys are told: in the middle of work on a change it may be another already. */
  #chosen: readonly unknown[] = [];
  readonly #reader: Pick<Reader, "all">;

  constructor(graph: Graph, fleet: FleetName) {
    this.#graph = graph;
    this.#fleet = fleet;
    this.#reader = { all: <T>(family: Family<T>, bucket: string) => (family === (onDemandListeners as Family<unknown>) && bucket === fleet ? (this.#chosen as readonly T[]) : graph.items(family, bucket)) };
    this.published();
  }

  /** Envoys are told of what there is now. */
  published(): void {
    this.#chosen = this.#graph.items(onDemandListeners, this.#fleet);
  }

  /** The certificate for a name as a client wrote it, encoded under that name; undefined when no host is called that. */
  find(name: string): Uint8Array | undefined {
    const host = spokenName(name) === undefined ? name.toLowerCase() : name;
    const { certificate, bytes } = this.#current(host);
    if (certificate === undefined || bytes === undefined) return undefined;
    const asked = this.#asked.get(host) ?? { spellings: new Set<string>(), certificate, bytes };
    if (!asked.spellings.has(name) && asked.spellings.size >= maxSpellings) return undefined;
    asked.spellings.add(name);
    this.#asked.set(host, asked);
    this.#note(host, asked, certificate, bytes);
    return buildRenamedSecret(bytes, name);
  }

  /** Whether a certificate is not given under this name: a client may have made it up. */
  withholds(name: string): boolean {
    return asksOnDemand(this.#reader, this.#fleet) && spokenName(name) === undefined;
  }

  /** The names, of those that were asked for, whose certificates are others, or gone, since TLS hosts and certificates (both by their buckets) have changed. */
  changed(tlsHosts: readonly string[], certificates: Iterable<string>): readonly string[] {
    if (this.#asked.size === 0) return [];
    const hosts = new Set(tlsHosts.flatMap((key) => this.#hostIn(key)));
    for (const certificate of certificates) for (const host of this.#hostsOf.get(certificate) ?? []) hosts.add(host);
    return [...hosts].flatMap((host) => {
      const asked = this.#asked.get(host);
      const now = this.#current(host);
      if (asked === undefined || asked.bytes === now.bytes) return [];
      this.#note(host, asked, now.certificate, now.bytes);
      return [...asked.spellings];
    });
  }

  #hostIn(key: string): readonly string[] {
    const { listener, host } = splitTlsHostKey(key);
    return splitFleet(listener).fleet === this.#fleet && this.#asked.has(host) ? [host] : [];
  }

  #current(host: string): { readonly certificate: string | undefined; readonly bytes: Uint8Array | undefined } {
    const certificate = certificateOnDemand(this.#reader, this.#fleet, host);
    return { certificate, bytes: certificate === undefined ? undefined : this.#graph.items(resources.sds, certificate)[0] };
  }

  #note(host: string, asked: Asked, certificate: string | undefined, bytes: Uint8Array | undefined): void {
    asked.bytes = bytes;
    // A certificate that is gone may come back under the same name.
    if (certificate === undefined || certificate === asked.certificate && this.#hostsOf.get(certificate)?.has(host) === true) return;
    if (asked.certificate !== undefined) this.#hostsOf.get(asked.certificate)?.delete(host);
    asked.certificate = certificate;
    this.#hostsOf.set(certificate, (this.#hostsOf.get(certificate) ?? new Set()).add(host));
  }
}
