/** A graph of a dashboard; `$__rate_interval` is Grafana's. */
export interface Panel {
  readonly title: string;
  /** Grafana's name of the unit: `s`, `bytes`, `reqps`, `short`, `percentunit`, `d`. */
  readonly unit: string;
  /** Queries, by the legend of their series. */
  readonly queries: Readonly<Record<string, string>>;
}

/** A dashboard: a title and its panels, two in a row. */
export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
}

const rate = (metric: string, by: string): string => `sum by (${by}) (rate(${metric}[$__rate_interval]))`;
const quantile = (q: number, metric: string, by = "le"): string => `histogram_quantile(${q}, ${rate(`${metric}_bucket`, by)})`;

/** What the controllers do. */
export const controllerDashboard: Dashboard = {
  uid: "contour-controller",
  title: "Contour / Controllers",
  panels: [
    { title: "Replicas by version", unit: "short", queries: { "{{version}} {{revision}}": "count by (version, revision) (contour_build_info)" } },
    { title: "Leader", unit: "short", queries: { "{{instance}}": "leader_election_master_status" } },
    { title: "HTTPProxies", unit: "short", queries: { all: "sum(contour_httpproxy)", roots: "sum(contour_httpproxy_root)", valid: "sum(contour_httpproxy_valid) or vector(0)", invalid: "sum(contour_httpproxy_invalid) or vector(0)", orphaned: "sum(contour_httpproxy_orphaned) or vector(0)" } },
    { title: "Invalid HTTPProxies by host", unit: "short", queries: { "{{namespace}} {{vhost}}": "contour_httpproxy_invalid" } },
    { title: "Connected Envoys", unit: "short", queries: { "{{instance}}": "contour_xds_connected_envoys" } },
    { title: "From a change to its acknowledgement by Envoy", unit: "s", queries: { p50: quantile(0.5, "contour_xds_propagation_seconds"), p99: quantile(0.99, "contour_xds_propagation_seconds"), "p99 {{type}}": quantile(0.99, "contour_xds_propagation_seconds", "le, type") } },
    { title: "Answers of Envoys", unit: "reqps", queries: { "accepted {{type}}": rate("contour_xds_acks_total", "type"), "refused {{type}}": rate("contour_xds_nacks_total", "type") } },
    { title: "Sent to Envoys", unit: "Bps", queries: { "{{type}}": rate("contour_xds_pushed_bytes_total", "type") } },
    { title: "Changes of objects", unit: "reqps", queries: { "{{op}} {{kind}}": rate("contour_eventhandler_operation_total", "op, kind") } },
    { title: "Known objects", unit: "short", queries: { "{{kind}}": "max by (kind) (contour_dag_cache_object)" } },
    { title: "Units of translation that ran", unit: "reqps", queries: { "{{rule}}": `topk(10, ${rate("contour_units_recomputed_total", "rule")})` } },
    { title: "Time to bring the configuration up to date", unit: "s", queries: { "p50 {{instance}}": 'contour_dagrebuild_seconds{quantile="0.5"}', "p99 {{instance}}": 'contour_dagrebuild_seconds{quantile="0.99"}', "to xDS, p99 {{instance}}": 'contour_cachehandler_onupdate_duration_seconds{quantile="0.99"}' } },
    { title: "Status updates", unit: "reqps", queries: { "written {{kind}}": rate("contour_status_update_success_total", "kind"), "failed {{kind}}": rate("contour_status_update_failed_total", "kind"), "conflict {{kind}}": rate("contour_status_update_conflict_total", "kind") } },
    { title: "Watches that stand", unit: "short", queries: { "{{kind}}": "min by (kind) (contour_watch_established)" } },
    { title: "Requests to the API server", unit: "reqps", queries: { "{{method}} {{code}}": rate("rest_client_requests_total", "method, code"), "failed watches": "sum(rate(contour_watch_failures_total[$__rate_interval])) or vector(0)" } },
    { title: "Answers of the API server, p99", unit: "s", queries: { "{{verb}}": quantile(0.99, "rest_client_request_duration_seconds", "le, verb") } },
    { title: "Certificates that end soonest", unit: "d", queries: { "{{namespace}}/{{name}}": "bottomk(20, (max by (namespace, name) (contour_certificate_expiry_timestamp_seconds) - time()) / 86400)" } },
    { title: "Certificates that are served", unit: "short", queries: { served: "max(contour_certificates_served)" } },
    { title: "Memory", unit: "bytes", queries: { "{{instance}}": "process_resident_memory_bytes and on (instance) contour_build_info" } },
    { title: "CPU", unit: "percentunit", queries: { "{{instance}}": "rate(process_cpu_seconds_total[$__rate_interval]) and on (instance) contour_build_info" } },
    { title: "Event loop lag, p99", unit: "s", queries: { "{{instance}}": "nodejs_eventloop_lag_p99_seconds" } },
    { title: "xDS streams", unit: "reqps", queries: { "started {{grpc_method}}": rate("grpc_server_started_total", "grpc_method"), "received {{grpc_method}}": rate("grpc_server_msg_received_total", "grpc_method") } },
  ],
};

/** What the Envoys do. */
export const envoyDashboard: Dashboard = {
  uid: "contour-envoy",
  title: "Contour / Envoys",
  panels: [
    { title: "Requests by class of answer", unit: "reqps", queries: { "{{envoy_response_code_class}}xx": 'sum by (envoy_response_code_class) (rate(envoy_http_downstream_rq_xx{envoy_http_conn_manager_prefix=~"ingress_.*"}[$__rate_interval]))' } },
    { title: "Time to answer", unit: "ms", queries: { p50: quantile(0.5, 'envoy_http_downstream_rq_time'), p99: quantile(0.99, "envoy_http_downstream_rq_time") } },
    { title: "Backends, p99", unit: "ms", queries: { "{{envoy_cluster_name}}": `topk(20, ${quantile(0.99, "envoy_cluster_upstream_rq_time", "le, envoy_cluster_name")})` } },
    { title: "Answers of backends", unit: "reqps", queries: { "{{envoy_cluster_name}} {{envoy_response_code_class}}xx": `topk(20, ${rate("envoy_cluster_upstream_rq_xx", "envoy_cluster_name, envoy_response_code_class")})` } },
    { title: "Trouble with backends", unit: "reqps", queries: { "connections failed": "sum(rate(envoy_cluster_upstream_cx_connect_fail[$__rate_interval]))", "timed out": "sum(rate(envoy_cluster_upstream_rq_timeout[$__rate_interval]))", "tried again": "sum(rate(envoy_cluster_upstream_rq_retry[$__rate_interval]))", "no endpoint": "sum(rate(envoy_cluster_upstream_cx_none_healthy[$__rate_interval]))" } },
    { title: "Endpoints", unit: "short", queries: { healthy: "sum(envoy_cluster_membership_healthy)", all: "sum(envoy_cluster_membership_total)" } },
    { title: "Connections", unit: "short", queries: { "{{envoy_http_conn_manager_prefix}}": 'sum by (envoy_http_conn_manager_prefix) (envoy_http_downstream_cx_active{envoy_http_conn_manager_prefix=~"ingress_.*"})' } },
    { title: "TLS handshakes that failed", unit: "reqps", queries: { "{{instance}}": "sum by (instance) (rate(envoy_listener_ssl_connection_error[$__rate_interval]))" } },
    { title: "Connected to a controller", unit: "short", queries: { "{{instance}}": "envoy_control_plane_connected_state" } },
    { title: "Listeners, clusters", unit: "short", queries: { "listeners {{instance}}": "envoy_listener_manager_total_listeners_active", "clusters {{instance}}": "envoy_cluster_manager_active_clusters" } },
    { title: "Memory", unit: "bytes", queries: { "{{instance}}": "envoy_server_memory_allocated" } },
    { title: "Since the last start", unit: "s", queries: { "{{instance}}": "envoy_server_uptime" } },
  ],
};

/** Grafana's form of a dashboard. */
export function grafanaDashboard({ uid, title, panels }: Dashboard): object {
  const datasource = { type: "prometheus", uid: "${datasource}" };
  return {
    uid, title, tags: ["contour"], schemaVersion: 39, version: 1, editable: true, refresh: "30s", time: { from: "now-1h", to: "now" },
    templating: { list: [{ name: "datasource", type: "datasource", query: "prometheus", label: "Data source" }] },
    panels: panels.map((panel, i) => ({
      id: i + 1, type: "timeseries", title: panel.title, datasource,
      gridPos: { x: (i % 2) * 12, y: Math.floor(i / 2) * 8, w: 12, h: 8 },
      fieldConfig: { defaults: { unit: panel.unit, min: 0 }, overrides: [] },
      options: { legend: { displayMode: "list", placement: "bottom" }, tooltip: { mode: "multi" } },
      targets: Object.entries(panel.queries).map(([legendFormat, expr], j) => ({ refId: String.fromCharCode(65 + j), datasource, expr, legendFormat })),
    })),
  };
}
