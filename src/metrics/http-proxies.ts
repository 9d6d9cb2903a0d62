import { Gauge } from "prom-client";
import type { Registry } from "prom-client";

/** What is counted of one HTTPProxy. */
export interface CountedProxy {
  readonly namespace: string;
  /** The host of a root; absent for HTTPProxies that are only included. */
  readonly vhost?: string;
  readonly state: "valid" | "invalid" | "orphaned";
}

/** Counts HTTPProxies by what is known of them; shown by the leader only, as Go Contour does. */
export class HttpProxyGauges {
  readonly #total: Counted;
  readonly #roots: Counted;
  readonly #orphaned: Counted;
  readonly #valid: Counted;
  readonly #invalid: Counted;
  readonly #proxies = new Map<string, CountedProxy>();
  #leading = false;

  constructor(registry: Registry) {
    const byNamespace = (name: string, help: string): Counted => new Counted(new Gauge({ name, help, labelNames: ["namespace"], registers: [registry] }));
    const byHost = (name: string, help: string): Counted => new Counted(new Gauge({ name, help, labelNames: ["namespace", "vhost"], registers: [registry] }));
    this.#total = byNamespace("contour_httpproxy", "HTTPProxies of our class, whatever their status.");
    this.#roots = byNamespace("contour_httpproxy_root", "HTTPProxies with a virtual host.");
    this.#orphaned = byNamespace("contour_httpproxy_orphaned", "HTTPProxies that no root includes.");
    this.#valid = byHost("contour_httpproxy_valid", "Valid HTTPProxies; the host of an included one is empty.");
    this.#invalid = byHost("contour_httpproxy_invalid", "Invalid HTTPProxies; the host of an included one is empty.");
  }

  /** Takes over what is known of an HTTPProxy; undefined when it is gone. */
  set(key: string, proxy: CountedProxy | undefined): void {
    const before = this.#proxies.get(key);
    if (proxy === undefined) this.#proxies.delete(key);
    else this.#proxies.set(key, proxy);
    if (!this.#leading) return;
    if (before !== undefined) this.#add(before, -1);
    if (proxy !== undefined) this.#add(proxy, 1);
  }

  /** Shows the counts, or takes them back. */
  setLeading(leading: boolean): void {
    if (this.#leading === leading) return;
    this.#leading = leading;
    for (const proxy of this.#proxies.values()) this.#add(proxy, leading ? 1 : -1);
  }

  #add({ namespace, vhost, state }: CountedProxy, by: number): void {
    this.#total.add({ namespace }, by);
    if (vhost !== undefined) this.#roots.add({ namespace }, by);
    if (state === "orphaned") this.#orphaned.add({ namespace }, by);
    else (state === "valid" ? this.#valid : this.#invalid).add({ namespace, vhost: vhost ?? "" }, by);
  }
}

/** A gauge whose series go away at zero: an alert on old hosts would never end. */
class Counted {
  readonly #gauge: Gauge;
  readonly #counts = new Map<string, number>();

  constructor(gauge: Gauge) {
    this.#gauge = gauge;
  }

  add(labels: Readonly<Record<string, string>>, by: number): void {
    const key = Object.values(labels).join("\n");
    const count = (this.#counts.get(key) ?? 0) + by;
    if (count === 0) {
      this.#counts.delete(key);
      this.#gauge.remove({ ...labels });
    } else {
      this.#counts.set(key, count);
      this.#gauge.set({ ...labels }, count);
    }
  }
}
