import type { ListenerTls } from "#envoy/filter-chains";
import { spokenName, unspeakableName } from "#envoy/names";
import { inFleet, splitFleet } from "#model/fleet";
import type { FleetName } from "#model/fleet";
import type { ListenerName, TlsHost, TlsVersion, TlsVersions } from "#model/listener";
import type { SecretName } from "#model/secret";
import { equalValues } from "#lib/equal";
import { compareText } from "#lib/compare";
import type { Family, Reader, Rule } from "#store/family";
import { family } from "#store/family";
import type { Fact } from "#store/graph";
import { tlsHosts } from "#translate/facts";
import { splitTlsHostKey, tlsHostKey } from "#translate/tls-hosts";

type HttpHost = Extract<TlsHost, { readonly kind: "http" }>;

/** The TLS versions that hosts with one chain for all of them offer, or that a wildcard's chain serves them as well as one of their own. */
type Form = `${TlsVersion}-${TlsVersion}` | "covered";

const versionForms: readonly { readonly form: Form; readonly versions: TlsVersions }[] = [
  { form: "1.2-1.3", versions: { minimumVersion: "1.2", maximumVersion: "1.3" } },
  { form: "1.3-1.3", versions: { minimumVersion: "1.3", maximumVersion: "1.3" } },
  { form: "1.2-1.2", versions: { minimumVersion: "1.2", maximumVersion: "1.2" } },
];
const forms: readonly Form[] = [...versionForms.map(({ form }) => form), "covered"];

/** What the chain is like that takes the connections for a name, and for those below it when the name is a wildcard. */
type Covering = "own" | { readonly form: Form; readonly certificate: SecretName };

/** Bucket: `listener|name`. */
const coverings = family<Covering>("tls-covering");
/** Hosts that a filter chain names in any case. Bucket: listener. */
const namedHosts = family<TlsHost>("named-tls-host");
/** Hosts that no filter chain needs to name. Bucket: `listener form`. */
const alikeHosts = family<TlsHost>("alike-tls-host");
/** Forms of which a listener has enough hosts for one chain with certificates on demand. Bucket: fleet. */
const candidates = family<{ readonly listener: ListenerName; readonly form: Form }>("on-demand-candidate");
/** Hosts that are not named. Bucket: `listener form`. */
export const unnamedHosts = family<true>("unnamed-tls-hosts");

/** The same, as Envoys have been told: then it stays so with fewer hosts, too. Bucket: `listener form`. */
export const unnamedBefore = family<true>("unnamed-tls-hosts-before");

/** Forms of which a listener has so many hosts that it depends on how it was before. Bucket: listener. */
export const undecidedForms = family<string>("undecided-tls-form");

/** Says whether a group of hosts is unnamed in the Envoys, for as long as there are enough of them to choose. */
export function unnamedBeforeFact(bucket: string, isUnnamed: boolean): Fact {
  return { family: unnamedBefore as Family<unknown>, bucket, publisher: "envoys", items: isUnnamed ? [true] : [] };
}

/** What share of the number has to be left for hosts to stay unnamed: each change of the shape drains connections, and hosts come and go. */
const stayingShare = 0.8;

/** The listener of a fleet whose many hosts share a chain and get their certificates on demand. Envoy asks by host, not by listener: so there is one. Bucket: fleet. */
export const onDemandListeners = family<{ readonly listener: ListenerName; readonly versions: TlsVersions }>("on-demand-listener");

/**
 * Decides which TLS hosts the filter chains of a listener name. A chain per host is best for some hundred hosts; adding one to thousands
 * would send all again. `from` tells from how many on they share one chain; 0 for never. Once they do, four fifths are enough.
 */
export function tlsShapeRules(from: (read: Reader, fleet: FleetName) => number): readonly Rule[] {
  return [noteCoverings, placeTlsHosts, leaveUnnamed(from), chooseOnDemandListener];
}

const noteCoverings: Rule = {
  name: "tls-covering",
  over: tlsHosts,
  derive(bucket, read, emit) {
    const { listener } = splitTlsHostKey(bucket);
    for (const host of read.all(tlsHosts, bucket)) {
      if (host.kind === "tls-alpn-challenge") continue;
      const name = host.kind === "fallback" ? "*" : host.host;
      if (!isPlain(host)) emit(coverings, tlsHostKey(listener, name), "own");
      else if (name.startsWith("*")) emit(coverings, tlsHostKey(listener, name), { form: formOf(host), certificate: host.tls.certificate });
    }
  },
};

/** Whether nothing sets the connections of a host apart but its certificate and the TLS versions. */
function isPlain(host: TlsHost): host is HttpHost {
  return host.kind === "http" && host.filters.guards.length === 0 && host.tls.clientValidation === undefined;
}

function formOf({ tls: { minimumVersion, maximumVersion } }: HttpHost): Form {
  return `${minimumVersion}-${maximumVersion}`;
}

const placeTlsHosts: Rule = {
  name: "place-tls-host",
  over: tlsHosts,
  derive(bucket, read, emit) {
    const { listener, host: name } = splitTlsHostKey(bucket);
    for (const host of read.all(tlsHosts, bucket)) {
      const form = !isPlain(host) || name.startsWith("*") ? undefined : formIn(read, listener, host);
      if (form === undefined) emit(namedHosts, listener, host);
      else emit(alikeHosts, alikeKey(listener, form), host);
    }
  },
};

/** Envoy takes the chain with the longest name that fits and never goes back, so whoever is below a wildcard belongs to it or has a name of its own. */
function formIn(read: Reader, listener: ListenerName, host: HttpHost): Form | undefined {
  const own = { form: formOf(host), certificate: host.tls.certificate };
  for (const name of [host.host, ...parentsOf(host.host), "*"]) {
    const found = read.all(coverings, tlsHostKey(listener, name));
    if (found.length > 0) return found.every((covering) => equalValues(covering, own)) ? "covered" : undefined;
  }
  return own.form;
}

function parentsOf(host: string): readonly string[] {
  const labels = host.split(".");
  return labels.slice(1).map((_, i) => `*.${labels.slice(i + 1).join(".")}`);
}

/** The bucket of hosts of one form. */
export function alikeKey(listener: ListenerName, form: string): string {
  return `${listener} ${form}`;
}

function leaveUnnamed(from: (read: Reader, fleet: FleetName) => number): Rule {
  return {
    name: "leave-tls-hosts-unnamed",
    over: alikeHosts,
    derive(bucket, read, emit) {
      const [listener = "", form = ""] = bucket.split(" ");
      const { fleet } = splitFleet(listener);
      const enough = from(read, fleet);
      if (enough === 0 || !read.atLeast(alikeHosts, bucket, Math.ceil(enough * stayingShare))) return;
      if (!read.atLeast(alikeHosts, bucket, enough)) emit(undecidedForms, listener, form);
      if (!read.atLeast(alikeHosts, bucket, enough) && !read.any(unnamedBefore, bucket)) return;
      if (form === "covered") emit(unnamedHosts, bucket, true);
      else emit(candidates, fleet, { listener, form: form as Form });
    },
  };
}

const chooseOnDemandListener: Rule = {
  name: "on-demand-listener",
  over: candidates,
  derive(fleet, read, emit) {
    const rank = ({ form }: { readonly form: Form }): number => forms.indexOf(form);
    const [chosen] = read.all(candidates, fleet).toSorted((a, b) => compareText(a.listener, b.listener) || rank(a) - rank(b));
    const versions = versionForms.find(({ form }) => form === chosen?.form)?.versions;
    if (chosen === undefined || versions === undefined) return;
    emit(unnamedHosts, alikeKey(chosen.listener, chosen.form), true);
    emit(onDemandListeners, fleet, { listener: chosen.listener, versions });
  },
};

/** The hosts that the filter chains of a listener name, and the chain for all others. */
export function listenerTls(read: Pick<Reader, "all">, listener: ListenerName): ListenerTls {
  const alike = forms.flatMap((form) => (read.all(unnamedHosts, alikeKey(listener, form)).length > 0 ? [] : read.all(alikeHosts, alikeKey(listener, form))));
  const onDemand = read.all(onDemandListeners, splitFleet(listener).fleet).find((chosen) => chosen.listener === listener)?.versions;
  return { hosts: [...read.all(namedHosts, listener), ...alike], ...(onDemand === undefined ? {} : { onDemand }) };
}

/** All TLS hosts of a listener: over QUIC each is named, for Envoy asks for no certificates there. */
export function allTlsHosts(read: Pick<Reader, "all">, listener: ListenerName): readonly TlsHost[] {
  return [...read.all(namedHosts, listener), ...forms.flatMap((form) => read.all(alikeHosts, alikeKey(listener, form)))];
}

/** Whether the Envoys of a fleet ask for certificates by what clients send: what else they ask for must not be called like that. */
export function asksOnDemand(read: Pick<Reader, "all">, fleet: FleetName): boolean {
  return read.all(onDemandListeners, fleet).length > 0;
}

/** The host with a name of its certificate that no client can send. */
export function withUnspeakableName(host: TlsHost): TlsHost {
  if (host.kind === "passthrough") return host;
  if (host.kind === "tls-alpn-challenge") return { ...host, certificate: unspeakableName(host.certificate) };
  return { ...host, tls: { ...host.tls, certificate: unspeakableName(host.tls.certificate) } };
}

/** The certificate, qualified by the fleet, for a name that Envoy asks for: a host, or what a configuration calls it. */
export function certificateOnDemand(read: Pick<Reader, "all">, fleet: FleetName, name: string): SecretName | undefined {
  const written = spokenName(name);
  if (written !== undefined) return inFleet(fleet, written);
  const [chosen] = read.all(onDemandListeners, fleet);
  if (chosen === undefined || name.startsWith("*")) return undefined;
  const same = ({ minimumVersion, maximumVersion }: TlsVersions): boolean => equalValues({ minimumVersion, maximumVersion }, chosen.versions);
  const found = read.all(tlsHosts, tlsHostKey(chosen.listener, name)).filter(isPlain).find(({ tls }) => same(tls));
  return found === undefined ? undefined : inFleet(fleet, found.tls.certificate);
}
