import { Gauge } from "prom-client";
import type { Registry } from "prom-client";

/** When a certificate ends, in milliseconds since 1970. */
export interface CertificateEnd {
  /** `namespace/name` of its Secret. */
  readonly secret: string;
  readonly expiresAt: number;
}

/** At most so many Secrets have a series of their own, those that end soonest: ten thousand hosts must not make ten thousand series. */
const mostSeries = 500;

/** Creates the metrics of the certificates that are served. They are asked for when metrics are read: no change pays for them. */
export function createCertificateMetrics(registry: Registry, served: () => Iterable<CertificateEnd>): void {
  new Gauge({
    name: "contour_certificates_served", help: "Certificates that TLS hosts serve.", registers: [registry],
    collect() {
      this.set([...served()].length);
    },
  });
  new Gauge({
    name: "contour_certificate_expiry_timestamp_seconds", help: `When a served certificate ends, in seconds since 1970, by its Secret: the ${mostSeries} that end soonest.`, labelNames: ["namespace", "name"], registers: [registry],
    collect() {
      this.reset();
      const soonest = [...served()].toSorted((a, b) => a.expiresAt - b.expiresAt).slice(0, mostSeries);
      for (const { secret, expiresAt } of soonest) {
        const [namespace = "", name = ""] = secret.split("/");
        this.set({ namespace, name }, expiresAt / 1000);
      }
    },
  });
}
