import type { Pipeline } from "#app/pipeline";
import type { XdsSecretNews } from "#app/xds-secret-rotation";
import { placedConditions } from "#app/placed-conditions";
import { kinds } from "#k8s/kinds";
import type { KindName } from "#k8s/kinds";
import type { KubeObject } from "#k8s/object";
import type { EventRecorder, ObjectNote } from "#status/events";
import type { StatusUpdate } from "#status/writer";
import { objectKey, objects } from "#translate/facts";
import type { IngressProblem } from "#translate/facts";

/** A certificate that ends within this time is worth an event (milliseconds). */
const soonMs = 14 * 86_400_000;

interface ValidCondition {
  readonly type: string;
  readonly status: string;
  readonly message: string;
  readonly errors?: readonly { readonly reason: string }[];
}

/** Says on objects what their users should see with `kubectl describe`. */
export class ObjectEvents {
  readonly #recorder: EventRecorder;
  readonly #pipeline: () => Pipeline;

  constructor(recorder: EventRecorder, pipeline: () => Pipeline) {
    this.#recorder = recorder;
    this.#pipeline = pipeline;
  }

  /** A status was written: an object became invalid, is so for another reason, or is valid again. */
  statusWritten({ kind, namespace, name, generation, status }: StatusUpdate, before: Readonly<Record<string, unknown>> | undefined): void {
    this.#gatewayConditions({ kind, namespace, name, generation, status }, before);
    const [now, was] = [validOf(status), validOf(before)];
    if (now === undefined || (now.status === was?.status && now.message === was.message)) return;
    const occasion = String(generation);
    if (now.status === "False") this.#say(kind, namespace, name, { type: "Warning", reason: now.errors?.[0]?.reason ?? "Invalid", note: now.message, occasion });
    else if (was?.status === "False") this.#say(kind, namespace, name, { type: "Normal", reason: "Valid", note: `the ${kind} is valid again`, occasion });
  }

  /** Gateway API says per listener and per parent what is wrong; an event says it once for each of them. */
  #gatewayConditions({ kind, namespace, name, generation, status }: StatusUpdate, before: Readonly<Record<string, unknown>> | undefined): void {
    const was = new Map(placedConditions(before).map((placed) => [placed.place + placed.condition.type, placed.condition]));
    for (const { place, condition } of placedConditions(status)) {
      const known = was.get(place + condition.type);
      if (known?.status === condition.status && known.message === condition.message) continue;
      const note = place === "" ? condition.message : `${place}: ${condition.message}`;
      if (condition.status === "False" && condition.reason !== "Pending") this.#say(kind, namespace, name, { type: "Warning", reason: condition.reason, note, occasion: `${generation} ${place} ${condition.type}` });
      else if (known?.status === "False") this.#say(kind, namespace, name, { type: "Normal", reason: condition.reason, note, occasion: `${generation} ${place} ${condition.type}` });
    }
  }

  /** Parts of Ingresses have no effect; Ingress has no conditions that could say so. */
  ingressProblems(changed: ReadonlyMap<string, readonly IngressProblem[]>): void {
    for (const [key, problems] of changed) {
      const [namespace = "", name = ""] = key.split("/");
      for (const { field, message } of problems) this.#say("Ingress", namespace, name, { type: "Warning", reason: "NoEffect", note: `${field}: ${message}`, occasion: "" });
    }
  }

  /** Looks for served certificates that end soon, or have ended; from time to time. */
  certificates(ends: Iterable<{ readonly secret: string; readonly expiresAt: number }>, now: number): void {
    for (const { secret, expiresAt } of ends) {
      if (expiresAt - now > soonMs) continue;
      const [namespace = "", name = ""] = secret.split("/");
      const [reason, verb] = expiresAt <= now ? ["CertificateExpired", "ended"] : ["CertificateExpiresSoon", "ends"];
      this.#say("Secret", namespace, name, { type: "Warning", reason, note: `this certificate is served, and ${verb} at ${new Date(expiresAt).toISOString()}; renew it`, occasion: String(expiresAt) });
    }
  }

  /** A certificate between the controller and Envoys was renewed, or ends. */
  xdsSecret(namespace: string, name: string, news: XdsSecretNews): void {
    const at = new Date(news.endsAt).toISOString();
    if (news.kind === "renewed") this.#say("Secret", namespace, name, { type: "Normal", reason: "XdsCertificateRenewed", note: `the certificate was renewed, and ends at ${at}`, occasion: String(news.endsAt) });
    else this.#say("Secret", namespace, name, { type: "Warning", reason: "XdsCertificateEnds", note: `the certificate ends at ${at}: ${news.because}`, occasion: String(news.endsAt) });
  }

  #say(kind: KindName, namespace: string, name: string, what: Omit<ObjectNote, "regarding">): void {
    const { group, version } = kinds[kind];
    const [object] = this.#pipeline().graph.items(objects(kind), objectKey(namespace, name)) as readonly KubeObject[];
    const uid = object?.metadata.uid;
    this.#recorder.record({ ...what, regarding: { apiVersion: group === "" ? version : `${group}/${version}`, kind, namespace, name, ...(uid === undefined ? {} : { uid }) } });
  }
}

function validOf(status: Readonly<Record<string, unknown>> | undefined): ValidCondition | undefined {
  return (status?.["conditions"] as readonly ValidCondition[] | undefined)?.find(({ type }) => type === "Valid");
}
