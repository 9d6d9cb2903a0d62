import { diagnose } from "#app/doctor/diagnose";
import type { Diagnosis, DiagnosisLimits } from "#app/doctor/diagnose";
import { readEnvoys, readNetworkWorld } from "#app/doctor/cluster-world";
import type { EnvoyPlace } from "#app/doctor/cluster-world";
import { readClusterRoutes } from "#app/doctor/read-cluster";
import type { RunFacts } from "#app/doctor/run-door";
import { execWay, localWay } from "#app/doctor/way-in";
import type { WayIn } from "#app/doctor/way-in";
import type { Subject } from "#doctor/subject";
import { select } from "#doctor/subject";
import type { EnvoyView } from "#doctor/world";
import type { ApiAccess } from "#sources/kubernetes/access";
import { createApiClient } from "#sources/kubernetes/client";

/** What is asked of the doctor. */
export interface Examination {
  readonly subjects: readonly Subject[];
  readonly limits: DiagnosisLimits;
  /** Whether something is sent to backends; otherwise only objects are looked at. */
  readonly probing: boolean;
  readonly progress: (line: string) => void;
}

/** A cluster to examine. */
export interface ClusterExamination extends Examination {
  readonly access: ApiAccess;
  readonly env: NodeJS.ProcessEnv;
  /** The controller's. */
  readonly namespace: string;
  readonly envoys: EnvoyPlace;
  readonly clock: () => number;
  /** Another way into the places of Envoys than the API server's. */
  readonly wayIn?: WayIn;
}

/** Examines a cluster. */
export async function examineCluster(wish: ClusterExamination): Promise<Diagnosis> {
  const { access, env, namespace, subjects, progress } = wish;
  const client = createApiClient({ access, userAgent: "contour-doctor", env });
  try {
    progress("reading objects");
    const { view, fleets, notes } = await readClusterRoutes(client, namespace, wish.clock);
    const envoys = await readEnvoys(client, wish.envoys, fleets);
    const { world, notes: more } = await readNetworkWorld(client, select(view, subjects), envoys);
    const wayIn = wish.wayIn ?? execWay({ access, env });
    return await diagnose({ ...wish, view, world, envoys, notes: [...notes, ...more], ...(wish.probing ? { wayIn } : {}) });
  } finally {
    client.close();
  }
}

/** Examines what a `contour run` of this machine serves. */
export async function examineRun(wish: Examination, { pid, view, adminSocket }: RunFacts): Promise<Diagnosis> {
  const envoy: EnvoyView = { namespace: "", name: `of contour run (pid ${pid})`, fleet: "", labels: {}, hostNetwork: true, addresses: [], nodeAddresses: [], ready: true, ports: {} };
  const nothing = { policies: [], namespaces: new Map(), pods: new Map() };
  return diagnose({ ...wish, view, world: nothing, envoys: [envoy], notes: [], ...(wish.probing ? { wayIn: localWay(adminSocket) } : {}) });
}
