import type { ProbeLine, ProbePlan } from "#doctor/plan";
import { runPlan } from "#doctor/probe/run";
import type { EnvoyView } from "#doctor/world";
import type { ApiAccess } from "#sources/kubernetes/access";
import { execInPod } from "#sources/kubernetes/exec";

/** How a probe comes to the network position of an Envoy. */
export interface WayIn {
  /** Envoy's admin interface, as it is seen from there. */
  adminSocket(envoy: EnvoyView): string;
  /** Runs a plan there. Throws, with what to do about it, where that cannot be. */
  look(envoy: EnvoyView, plan: ProbePlan, onLine: (line: ProbeLine) => void): Promise<void>;
}

/** The container beside Envoy, of the same pod and so in the same network. */
export const probeContainer = "shutdown-manager";

/** From this process: beside `contour run`, where Envoy has the network of this machine. */
export function localWay(adminSocket: string): WayIn {
  return { adminSocket: () => adminSocket, look: (_envoy, plan, onLine) => runPlan(plan, onLine) };
}

/** By the API server into the pods of Envoys: `contour doctor probe` in their shutdown managers. */
export function execWay({ access, env }: { readonly access: ApiAccess; readonly env: NodeJS.ProcessEnv }): WayIn {
  return {
    adminSocket: () => "/admin/admin.sock",
    async look(envoy, plan, onLine) {
      const { namespace, name: pod, container } = envoy;
      if (container === undefined) throw new Error(`its pod has no container ${probeContainer}, in which a probe could run`);
      const lines = new Lines(onLine);
      const end = await execInPod(access, env, { namespace, pod, container, command: ["/bin/contour", "doctor", "probe"], input: `${JSON.stringify({ ...plan, attended: true } satisfies ProbePlan)}\n`, onOutput: (chunk) => lines.take(chunk), signal: AbortSignal.timeout(plan.limitMs + 60_000) });
      if (!lines.ended) throw new Error(whyNoEnd(end.code, end.stderr.trim() === "" ? end.message : end.stderr.trim()));
    },
  };
}

function whyNoEnd(code: number | undefined, said: string): string {
  const release = code === 2 || code === 126 || code === 127 ? "; its image is of another release, perhaps, and knows no probe" : "";
  return `the probe in its container ${probeContainer} did not end well (${code === undefined ? said : `code ${code}: ${said}`})${release}`;
}

/** Lines of JSON out of chunks. */
class Lines {
  readonly #onLine: (line: ProbeLine) => void;
  readonly #decoder = new TextDecoder();
  #rest = "";
  ended = false;

  constructor(onLine: (line: ProbeLine) => void) {
    this.#onLine = onLine;
  }

  take(chunk: Buffer): void {
    const lines = `${this.#rest}${this.#decoder.decode(chunk, { stream: true })}`.split("\n");
    this.#rest = lines.pop() ?? "";
    for (const text of lines) {
      const line = JSON.parse(text) as ProbeLine;
      this.ended ||= line.kind === "end";
      this.#onLine(line);
    }
  }
}
