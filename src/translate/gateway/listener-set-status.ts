import { condition } from "#conditions/gateway";
import type { Condition } from "#conditions/gateway";
import type { Rule } from "#store/family";
import { statuses } from "#translate/facts";
import { listenerSets } from "#translate/gateway/api";
import { workingListenerSets } from "#translate/gateway/gateway";
import { gatewayRefusals } from "#translate/gateway/gateway-facts";
import { listenerVerdicts } from "#translate/gateway/listener";
import { ourListenerSets } from "#translate/gateway/listener-set";
import { ownerKey } from "#translate/gateway/listener-shape";
import type { ListenerVerdict } from "#translate/gateway/listener-status";

/** Says of each ListenerSet that names a Gateway of ours how it is (ListenerSet, `status`). */
export const listenerSetStatus: Rule = {
  name: "listener-set-status",
  over: ourListenerSets,
  derive(bucket, read, emit) {
    const set = read.one(listenerSets, bucket);
    const ours = read.one(ourListenerSets, bucket);
    if (set === undefined || ours === undefined) return;
    const { namespace = "", name, generation = 0 } = set.metadata;
    const found = read.all(listenerVerdicts, ownerKey({ kind: "ListenerSet", namespace, name }));
    const verdicts = found.toSorted((a, b) => a.position - b.position).map(({ verdict }) => verdict);
    const refused = read.any(gatewayRefusals, ours.gateway);
    if (verdicts.some(({ accepted, served }) => accepted && served)) emit(workingListenerSets, ours.gateway, { programmed: verdicts.some(({ programmed }) => programmed) });
    const conditions = !ours.allowed ? notAllowed(ours.gateway, generation) : refused ? parentRefused(ours.gateway, generation) : judge(verdicts, generation);
    emit(statuses, `ListenerSet/${bucket}`, { kind: "ListenerSet", namespace, name, generation, status: { conditions, listeners: verdicts.map(({ status }) => status) } });
  },
};

function parentRefused(gateway: string, generation: number): readonly Condition[] {
  const message = `Gateway ${gateway} itself is not accepted; see its status`;
  return [condition("ListenerSet", "Accepted", "False", "ParentNotAccepted", message, generation), condition("ListenerSet", "Programmed", "False", "ParentNotProgrammed", message, generation)];
}

function notAllowed(gateway: string, generation: number): readonly Condition[] {
  const message = `Gateway ${gateway} lets no ListenerSets of this namespace in; see spec.allowedListeners there`;
  return [condition("ListenerSet", "Accepted", "False", "NotAllowed", message, generation), condition("ListenerSet", "Programmed", "False", "NotAllowed", message, generation)];
}

/** A listener counts as valid here only when its references are resolved, too: the conformance suite has it so (ListenerSetReferenceGrant). */
function judge(verdicts: readonly ListenerVerdict[], generation: number): readonly Condition[] {
  const names = (bad: readonly ListenerVerdict[]): string => bad.map(({ status }) => String(status["name"])).join(", ");
  const refused = verdicts.filter(({ accepted, served }) => !accepted || !served);
  const idle = verdicts.filter(({ programmed }) => !programmed);
  const refusedText = `listeners that are not valid: ${names(refused)}; their own conditions say why`;
  const idleText = `listeners that are not served: ${names(idle)}; their own conditions say why`;
  const accepted = refused.length === 0 ? condition("ListenerSet", "Accepted", "True", "Accepted", "the ListenerSet is valid", generation) : condition("ListenerSet", "Accepted", refused.length < verdicts.length ? "True" : "False", "ListenersNotValid", refusedText, generation);
  const programmed = idle.length < verdicts.length ? condition("ListenerSet", "Programmed", "True", "Programmed", idle.length === 0 ? "the listeners are served" : idleText, generation) : condition("ListenerSet", "Programmed", "False", "ListenersNotValid", idleText, generation);
  return [accepted, programmed];
}
