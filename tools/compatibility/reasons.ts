/** What became of a name of Go Contour that is not here as it was, and why. */
export interface Deviation {
  readonly verdict: "other default" | "no effect" | "absent";
  readonly reason: string;
}

const noLimit: Deviation = { verdict: "no effect", reason: "the API server limits requests by itself (priority and fairness); a warning says so" };
const node: Deviation = { verdict: "absent", reason: "metrics of Go's runtime; those of Node are `nodejs_…` and `process_…`" };
const kubeconfig: Deviation = { verdict: "other default", reason: "what `KUBECONFIG` names, else ~/.kube/config" };

/** The deviations, by surface, place and name. The page is not written while one is missing, or stands for what does not deviate. */
export const deviations: ReadonlyMap<string, Deviation> = new Map([
  ["flag serve --kubernetes-client-qps", noLimit],
  ["flag serve --kubernetes-client-burst", noLimit],
  ["flag serve --kubernetes-debug", { verdict: "no effect", reason: "it sets the level of Go's client library; `--debug` logs requests that fail" }],
  ["flag serve --kubeconfig", kubeconfig],
  ["flag certgen --kubeconfig", kubeconfig],
  ["flag bootstrap --admin-port", { verdict: "no effect", reason: "deprecated: Envoy's admin interface is a unix socket; a line says so" }],
  ["flag envoy shutdown --admin-port", { verdict: "no effect", reason: "the same" }],
  ["flag gateway-provisioner --contour-image", { verdict: "other default", reason: "the image of this release" }],
  ["flag gateway-provisioner --envoy-image", { verdict: "other default", reason: "the Envoy that this release is tested with" }],
  ["flag gateway-provisioner --incluster", { verdict: "other default", reason: "in a cluster unless `--kubeconfig` is given: the same effect" }],
  ["annotation Secret projectcontour.io/generated-by-version", { verdict: "absent", reason: "certificates are renewed by their age, not by the version that made them" }],
  ["metric gauge go_goroutines", node],
  ["metric gauge go_memstats_alloc_bytes", node],
  ["metric summary go_gc_duration_seconds", node],
]);
