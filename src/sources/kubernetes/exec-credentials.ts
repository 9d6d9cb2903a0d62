import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Credentials } from "#sources/kubernetes/access";

/** A plugin that gives credentials: a command of the user's, as kubeconfigs name it. */
export interface ExecSpec {
  readonly apiVersion: string;
  readonly command: string;
  readonly args?: readonly string[] | null;
  readonly env?: ReadonlyArray<{ readonly name: string; readonly value: string }> | null;
  readonly provideClusterInfo?: boolean;
  readonly installHint?: string;
}

/** What a plugin needs to run. */
export interface ExecContext {
  readonly env: NodeJS.ProcessEnv;
  readonly clock: () => number;
  /** What the plugin is told about the cluster, if it asks for that. */
  readonly cluster: () => Readonly<Record<string, unknown>>;
}

interface ExecAnswer {
  readonly token?: string;
  readonly clientCertificateData?: string;
  readonly clientKeyData?: string;
  readonly expirationTimestamp?: string;
}

const run = promisify(execFile);
/** A credential is replaced a little before it ends. */
const marginMs = 10_000;

/** Credentials from a plugin (client.authentication.k8s.io): asked once, and again when they expire or are refused. */
export class ExecCredentials {
  readonly #spec: ExecSpec;
  readonly #context: ExecContext;
  #answer: Promise<ExecAnswer> | undefined;
  #expires = Number.POSITIVE_INFINITY;

  constructor(spec: ExecSpec, context: ExecContext) {
    this.#spec = spec;
    this.#context = context;
  }

  /** The credentials; runs the plugin if there are none that are good. */
  async get(): Promise<Credentials> {
    if (this.#context.clock() >= this.#expires) this.forget();
    this.#answer ??= this.#ask();
    const { token, clientCertificateData: certificate, clientKeyData: key } = await this.#answer;
    return { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...(certificate === undefined || key === undefined ? {} : { certificate, key }) };
  }

  /** Asks the plugin again next time. */
  forget(): void {
    this.#answer = undefined;
  }

  async #ask(): Promise<ExecAnswer> {
    try {
      const answer = await this.#runPlugin();
      this.#expires = answer.expirationTimestamp === undefined ? Number.POSITIVE_INFINITY : Date.parse(answer.expirationTimestamp) - marginMs;
      return answer;
    } catch (error) {
      this.#answer = undefined;
      throw error;
    }
  }

  async #runPlugin(): Promise<ExecAnswer> {
    const { command, args, installHint } = this.#spec;
    const { stdout } = await run(command, [...(args ?? [])], { env: this.#environment(), timeout: 60_000, maxBuffer: 1 << 20 }).catch((error: unknown) => {
      throw new Error(`the credential plugin ${JSON.stringify(command)} failed: ${error instanceof Error ? error.message : String(error)}${installHint === undefined ? "" : `\n${installHint}`}`);
    });
    const { status } = JSON.parse(stdout) as { readonly status?: ExecAnswer };
    if (status === undefined) throw new Error(`the credential plugin ${JSON.stringify(command)} gave no status`);
    return status;
  }

  #environment(): NodeJS.ProcessEnv {
    const { apiVersion, env, provideClusterInfo } = this.#spec;
    const info = { apiVersion, kind: "ExecCredential", spec: { interactive: false, ...(provideClusterInfo === true ? { cluster: this.#context.cluster() } : {}) } };
    return { ...this.#context.env, ...Object.fromEntries((env ?? []).map(({ name, value }) => [name, value])), KUBERNETES_EXEC_INFO: JSON.stringify(info) };
  }
}
