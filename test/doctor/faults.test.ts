import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import type { Diagnosis } from "#app/doctor/diagnose";
import { policyView } from "#app/doctor/cluster-world";
import { waitFor } from "../bed/wait.ts";
import { objectsOf } from "../kubernetes/serving.ts";
import type { NetworkPolicy } from "../cni/policies.ts";
import { rulesOf } from "../cni/policies.ts";
import { Clinic, slice } from "./clinic.ts";
import { ports } from "./ward-ports.ts";

/** What a fault is found by: the kind of finding, and what its line has to say. */
type Line = readonly [id: string, ...says: readonly RegExp[]];

function linesOf({ findings }: Diagnosis): readonly string[] {
  return findings.map(({ id, who, where, what, fix }) => `${id}: ${who}, ${where}: ${what}; fix: ${fix}`);
}

/** Each line is there, and no other. */
function assertLines(diagnosis: Diagnosis, wanted: readonly Line[]): void {
  const lines = linesOf(diagnosis);
  for (const [id, ...says] of wanted) assert.ok(lines.some((line) => line.startsWith(`${id}: `) && says.every((part) => part.test(line))), `no line ${id} ${says.join(" ")} in\n${lines.join("\n")}`);
  assert.deepEqual([...new Set(diagnosis.findings.map(({ id }) => id))].toSorted(), [...new Set(wanted.map(([id]) => id))].toSorted(), lines.join("\n"));
}

const proxy = "projectcontour.io/v1";

describe("contour doctor, between two nodes with a real network", { timeout: 600_000 }, () => {
  let clinic: Clinic;
  before(async () => void (clinic = await Clinic.open()));
  after(async () => await clinic?.close());

  const sh = (place: string, script: string): Promise<string> => clinic.stage.lab.sh(place, script);
  /** What heals the faults of a test, whatever becomes of it. */
  const cures: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const cure of cures.splice(0).toReversed()) await cure();
  });
  /** Rules of a node, until the test ends. */
  const nft = async (node: string, ...chains: readonly string[]): Promise<void> => {
    await clinic.stage.lab.sh(node, "nft -f -", { input: `table inet fault {\n${chains.join("\n")}\n}\n` });
    cures.push(() => sh(node, "nft delete table inet fault"));
  };
  const service = async (name: string, port: number, more?: Parameters<Clinic["service"]>[2]): Promise<void> => {
    cures.push(() => clinic.discharge(name));
    await clinic.service(name, port, more);
  };
  const removed = (...objects: readonly (readonly [apiVersion: string, kind: string, name: string, namespace?: string])[]): void => void cures.push(() => clinic.remove(...objects));
  const addressOf = (pod: string): string => clinic.stage.pod(pod).v4;

  it("finds nothing on a healthy network, names it, and looks from the pod and from the node", async () => {
    const diagnosis = await waitFor(async () => {
      const found = await clinic.examine();
      assert.deepEqual(linesOf(found), []);
      return found;
    }, { what: "the healthy network is found healthy", timeoutMs: 60_000 });
    assert.deepEqual(diagnosis.cnis.map(({ name, mode }) => [name, mode]), [["Flannel", "vxlan"]]);
    assert.deepEqual(diagnosis.envoys.map(({ name, network, probed, of, failed }) => [name, network, probed, of, failed]), [["envoy", "pod", 6, 6, undefined], ["host-envoy", "host", 6, 6, undefined]]);
    const ways = diagnosis.envoys.map(({ latency }) => latency.map(({ way, family }) => `${way} ${family}`));
    assert.deepEqual(ways[0], ["same-node IPv4", "same-node IPv6", "other-node IPv4", "other-node IPv6"]);
  });

  it("1: a Service without ready pods", async () => {
    await service("unready", ports.plain);
    await clinic.control.api.apply([slice("unready", clinic.stage.pod("far"), ports.plain, "v4", false)]);
    assertLines(await clinic.examine(), [["no-ready-endpoints", /HTTPProxy shop\/unready spec\.routes\[0\]\.services\[0\]/, /Service shop\/unready:80/, /of its 1 pods none is ready/]]);
  });

  it("2: a port that the Service does not have", async () => {
    removed([proxy, "HTTPProxy", "port"]);
    await clinic.route("port", { name: "well-far", port: 81 });
    assertLines(await clinic.examine("port.example.com", "shop/port"), [["service-unresolved", /HTTPProxy shop\/port spec\.routes\[0\]\.services\[0\]/, /has no port 81 \(it has: 80\)/]]);
  });

  it("3: a targetPort that nobody listens on", async () => {
    await service("refused", ports.nobody);
    assertLines(await clinic.examine(), [["refused", /HTTPProxy shop\/refused/, /pod shop\/far .*:9999 on n2/, /from Envoy projectcontour\/envoy on n1, Envoy projectcontour\/host-envoy on n1/, /fix: .*targetPort.*shop\/refused/]]);
  });

  it("4: plain HTTP to a backend that speaks TLS", async () => {
    await service("plain", ports.tls);
    assertLines(await clinic.examine("shop/plain"), [["tls-wanted", /HTTPProxy shop\/plain/, /the backend speaks TLS/, /fix: write protocol: tls/]]);
  });

  it("4 the other way round: TLS to a backend that speaks none", async () => {
    await service("tls", ports.plain, { service: { protocol: "tls" } });
    assertLines(await clinic.examine("shop/tls"), [["tls-absent", /HTTPProxy shop\/tls/, /the backend speaks no TLS/]]);
  });

  it("5: a backend's certificate of another authority, for another name, or ended", async () => {
    await clinic.control.api.apply([{ apiVersion: "v1", kind: "Secret", metadata: { name: "other-authority", namespace: "shop" }, type: "Opaque", data: { "ca.crt": Buffer.from(clinic.certificates.otherAuthority).toString("base64") } }]);
    const validated = (caSecret: string, subjectName: string): object => ({ protocol: "tls", validation: { caSecret, subjectName } });
    await service("untrusted", ports.tls, { service: validated("other-authority", "secure.shop") });
    await service("misnamed", ports.tls, { service: validated("authority", "unsafe.shop") });
    await service("expired", ports.expired, { service: validated("authority", "secure.shop") });
    await service("mutual", ports.mutual, { service: validated("authority", "secure.shop") });
    assertLines(await clinic.examine(), [
      ["certificate-untrusted", /HTTPProxy shop\/untrusted/, /issuer is "clinic"/],
      ["certificate-name", /HTTPProxy shop\/misnamed/, /it is for DNS:secure\.shop, and the route wants unsafe\.shop/],
      ["backend-certificate-expired", /HTTPProxy shop\/expired/],
      ["client-certificate-wanted", /HTTPProxy shop\/mutual/],
    ]);
  });

  it("6: an ExternalName that does not resolve", async () => {
    await clinic.apply(`
apiVersion: v1
kind: Service
metadata: { name: outside, namespace: shop }
spec: { type: ExternalName, externalName: nothing.invalid, ports: [{ port: 80 }] }
`);
    cures.push(() => clinic.discharge("outside"));
    await clinic.route("outside", { name: "outside", port: 80 });
    assertLines(await clinic.examine(), [["name-unresolved", /HTTPProxy shop\/outside/, /nothing\.invalid/]]);
  });

  const policy = (text: string): readonly NetworkPolicy[] => objectsOf(text) as unknown as readonly NetworkPolicy[];
  const deny = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: deny, namespace: shop }
spec: { podSelector: {}, policyTypes: [Ingress] }
`;

  it("7: a NetworkPolicy that shuts Envoy out of the backends, and the template that lets it in", async () => {
    removed(["networking.k8s.io/v1", "NetworkPolicy", "deny"], ["networking.k8s.io/v1", "NetworkPolicy", "from-envoy"]);
    cures.push(() => clinic.stage.network.enforce([]));
    await clinic.apply(deny);
    const { network, pods } = clinic.stage;
    const enforce = async (...texts: readonly string[]): Promise<void> => network.enforce(rulesOf(texts.flatMap(policy), [...pods.values()]));
    await enforce(deny);
    assertLines(await clinic.examine("well-far.example.com"), [
      ["network-policy-ingress", /NetworkPolicy shop\/deny lets Envoy not in;/, /from Envoy projectcontour\/envoy on n1:/, /fix: kubectl -n shop apply -f deploy\/network-policies\/tenant\.yaml/],
      ["network-policy-ingress", /from Envoy projectcontour\/host-envoy on n1:/, /as it is in the network of its node/, /flannel\.1/],
    ]);
    const tenant = (await import("node:fs")).readFileSync(new URL("../../deploy/network-policies/tenant.yaml", import.meta.url), "utf8").replace("name: from-envoy", "name: from-envoy\n  namespace: shop");
    await clinic.apply(tenant);
    await enforce(deny, tenant);
    const after = await clinic.examine("well-far.example.com");
    assert.deepEqual(after.findings.filter(({ where }) => !where.includes("host-envoy")), []);
    await network.enforce([]);
    assertLines(await clinic.examine("well-far.example.com"), []);
    await clinic.remove(["networking.k8s.io/v1", "NetworkPolicy", "from-envoy"]);
    const unenforced = await clinic.examine("well-far.example.com");
    assertLines(unenforced, [["policy-not-enforced", /NetworkPolicy shop\/deny/, /it enforces no policies/]]);
    assert.equal(unenforced.findings[0]?.severity, "warning");
  });

  it("8: a policy that keeps Envoy from connecting", async () => {
    const egress = objectsOf(`
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: no-way-out, namespace: projectcontour }
spec:
  podSelector: { matchLabels: { app: envoy } }
  policyTypes: [Egress]
  egress: [{ to: [{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: elsewhere } } }] }, { to: [{ ipBlock: { cidr: 172.31.0.0/24 } }] }]
`);
    removed(["networking.k8s.io/v1", "NetworkPolicy", "no-way-out", "projectcontour"]);
    await clinic.control.api.apply(egress);
    assert.equal(policyView(egress[0] as unknown as Parameters<typeof policyView>[0]).ingress, undefined);
    await nft("n1", `chain out { type filter hook forward priority 0; ip saddr ${addressOf("envoy")} ip daddr 10.62.0.0/16 tcp flags & (syn|ack) == syn drop; }`);
    assertLines(await clinic.examine("well-far.example.com"), [["network-policy-egress", /NetworkPolicy projectcontour\/no-way-out lets Envoy's pods not connect/, /from Envoy projectcontour\/envoy on n1:/, /fix: add an egress rule for the pod's namespace \(shop\)/]]);
  });

  /** Pods whose packets are larger than the way carries, and nodes that do not say so. */
  const blackHole = async (...deafNodes: readonly string[]): Promise<void> => {
    const setMtu = async (mtu: number): Promise<void> => {
      for (const [pod, node] of [["envoy", "n1"], ["far", "n2"]] as const) {
        await sh(node, `ip link set ${clinic.stage.pod(pod).hostInterface} mtu ${mtu}; ip link set cni0 mtu ${mtu}`);
        await sh(pod, `ip link set eth0 mtu ${mtu}; ip route flush cache; ip -6 route flush cache`);
      }
    };
    cures.push(() => setMtu(clinic.stage.wiring.mtu ?? 1450));
    await setMtu(1500);
    for (const node of deafNodes) await nft(node, "chain out { type filter hook output priority 0; icmp type destination-unreachable icmp code frag-needed drop; icmpv6 type packet-too-big drop; }");
  };

  // Before the next one: what its stuck connections send again would tell Envoy's pod of the smaller packets, once n1 is no longer deaf.
  it("9 the other way round: only answers are lost", async () => {
    await blackHole("n2");
    assertLines(await clinic.examine("well-wordy.example.com"), [["mtu", /HTTPProxy shop\/well-wordy /, /from Envoy projectcontour\/envoy on n1:/, /vanish on the way back/]]);
  });

  it("9: an MTU black hole, which small requests pass", async () => {
    await blackHole("n1", "n2");
    const diagnosis = await clinic.examine("well-far.example.com", "well-near.example.com");
    assertLines(diagnosis, [["mtu", /HTTPProxy shop\/well-far /, /from Envoy projectcontour\/envoy on n1:/, /small packets pass and large ones vanish on the way to the pod/, /bytes were never acknowledged/, /fix: .*\(Envoy's is 1500\)/]]);
  });

  it("10: a Service of another namespace without a ReferenceGrant", async () => {
    removed(["gateway.networking.k8s.io/v1", "HTTPRoute", "theirs"], ["gateway.networking.k8s.io/v1", "Gateway", "public"], ["v1", "Service", "theirs", "other"]);
    await clinic.apply(`
apiVersion: v1
kind: Service
metadata: { name: theirs, namespace: other }
spec: { ports: [{ port: 80 }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: contour }
spec: { controllerName: projectcontour.io/gateway-controller }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: public, namespace: shop }
spec: { gatewayClassName: contour, listeners: [{ name: http, port: 90, protocol: HTTP }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: theirs, namespace: shop }
spec: { parentRefs: [{ name: public }], hostnames: [theirs.example.com], rules: [{ backendRefs: [{ name: theirs, namespace: other, port: 80 }] }] }
`);
    // A new Gateway is pending until an Envoy has taken its listener, and the doctor says so.
    const wanted: Parameters<typeof assertLines>[1] = [["reference-grant-missing", /HTTPRoute shop\/theirs/, /no ReferenceGrant in namespace "other"/, /fix: add a ReferenceGrant to namespace other: spec\.from HTTPRoute of namespace shop/]];
    await waitFor(async () => (assertLines(await clinic.examine("theirs.example.com"), wanted), true), { what: "nothing but the missing grant is found" });
  });

  it("11: a certificate that was not delegated, one that does not exist, and one that has ended", async () => {
    const { ended } = clinic.certificates;
    const secret = (name: string, namespace: string): Parameters<typeof clinic.control.api.apply>[0][number] => ({ apiVersion: "v1", kind: "Secret", type: "kubernetes.io/tls", metadata: { name, namespace }, data: { "tls.crt": Buffer.from(ended.certificate).toString("base64"), "tls.key": Buffer.from(ended.key).toString("base64") } });
    const tls = (name: string, secretName: string): Parameters<typeof clinic.control.api.apply>[0][number] => ({ apiVersion: proxy, kind: "HTTPProxy", metadata: { name, namespace: "shop" }, spec: { virtualhost: { fqdn: `${name}.example.com`, tls: { secretName } }, routes: [{ services: [{ name: "well-far", port: 80 }] }] } });
    removed(...["foreign", "absent", "ended"].map((name) => [proxy, "HTTPProxy", name] as const), ["v1", "Secret", "ended"]);
    await clinic.control.api.apply([secret("theirs", "other"), secret("ended", "shop"), tls("foreign", "other/theirs"), tls("absent", "nowhere"), tls("ended", "ended")]);
    assertLines(await clinic.examine("shop/foreign", "shop/absent", "shop/ended"), [
      ["delegation-missing", /HTTPProxy shop\/foreign spec\.virtualhost\.tls/, /fix: .*TLSCertificateDelegation.*targetNamespaces: \[shop\]/],
      ["secret-invalid", /HTTPProxy shop\/absent spec\.virtualhost\.tls/],
      ["certificate-expired", /HTTPProxy shop\/ended spec\.virtualhost\.tls/],
    ]);
  });

  it("12: another node that is not reached", async () => {
    await nft("n2", "chain in { type filter hook input priority 0; udp dport 8472 drop; }");
    assertLines(await clinic.examine("well-near.example.com", "well-far.example.com"), [["node-path", /HTTPProxy shop\/well-far/, /from node n1 no pod on node n2 is reached, and pods elsewhere are/, /fix: .*tunnel.*Flannel/]]);
  });

  it("13: a pod that accepts connections and says nothing", async () => {
    await service("silent", ports.silent);
    assertLines(await clinic.examine("shop/silent"), [["silent", /HTTPProxy shop\/silent/, /pod shop\/far/]]);
  });

  it("14: IPv6 that is broken where IPv4 works", async () => {
    await nft("n1", "chain through { type filter hook forward priority 0; ip6 daddr fd62:0:0:2::/64 drop; }", "chain out { type filter hook output priority 0; ip6 daddr fd62:0:0:2::/64 drop; }");
    assertLines(await clinic.examine("well-far.example.com", "well-far6.example.com"), [["family-path", /HTTPProxy shop\/well-far6/, /new connections vanish over IPv6/, /come through over IPv4/]]);
  });

  it("15: HTTP/2 to a backend that speaks HTTP/1.1", async () => {
    await service("http2", ports.plain, { service: { protocol: "h2c" } });
    assertLines(await clinic.examine("shop/http2"), [["not-http", /HTTPProxy shop\/http2/, /it does not speak HTTP\/2/]]);
  });

  it("16: a host that nobody serves", async () => {
    assertLines(await clinic.examine("wel-far.example.com"), [["unknown-subject", /no route serves this host; there is well-far\.example\.com/]]);
  });

  it("is healthy again when all faults are gone; 17: then an Envoy without its controller, which has not taken what is new", async () => {
    await waitFor(async () => (assert.deepEqual(linesOf(await clinic.examine()), []), true), { what: "all is well", timeoutMs: 60_000 });
    await clinic.control.controller.stop();
    await clinic.route("late", { name: "well-far", port: 80 });
    const diagnosis = await waitFor(async () => {
      const found = await clinic.examine("late.example.com");
      assert.ok(found.findings.some(({ id }) => id === "envoy-not-connected"), linesOf(found).join("\n"));
      return found;
    }, { what: "the Envoys have noticed", timeoutMs: 60_000 });
    assertLines(diagnosis, [["envoy-not-connected", /Envoy projectcontour\/envoy on n1/], ["envoy-not-connected", /Envoy projectcontour\/host-envoy on n1/]]);
  });
});
