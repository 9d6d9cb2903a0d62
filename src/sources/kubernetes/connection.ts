import { Agent as HttpAgent, request as httpRequest } from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { ApiAccess, Credentials } from "#sources/kubernetes/access";

/** A request as it goes over the wire. */
export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  /** How long the server may be silent. */
  readonly silenceMs: number;
  readonly signal?: AbortSignal;
}

type TlsMaterial = Pick<Credentials, "ca" | "certificate" | "key">;

/** After this time without traffic the kernel asks whether the peer is still there; ten seconds later the connection is given up. */
const keepAliveMs = 20_000;

/** Connections to one API server, kept and used again. New certificates are used for new connections. */
export class Connections {
  readonly #access: ApiAccess;
  readonly #env: NodeJS.ProcessEnv;
  readonly #base: URL;
  #agent: HttpAgent | undefined;
  #material: TlsMaterial = {};

  constructor(access: ApiAccess, env: NodeJS.ProcessEnv) {
    this.#access = access;
    this.#env = env;
    this.#base = new URL(access.server);
  }

  /** Sends a request; gives the answer once its head has come. */
  async send(wish: WireRequest): Promise<IncomingMessage> {
    const credentials = await this.#access.credentials();
    try {
      return await this.#once(wish, credentials);
    } catch (error) {
      // The server may close a kept connection just when we use it; what never reached it can be sent again.
      if (!(error instanceof StaleConnection)) throw error;
      return await this.#once(wish, credentials);
    }
  }

  /** Ends connections that nobody uses. */
  close(): void {
    const agent = this.#agent;
    this.#agent = undefined;
    for (const sockets of Object.values(agent?.freeSockets ?? {})) for (const socket of sockets ?? []) socket.destroy();
  }

  #once(wish: WireRequest, credentials: Credentials): Promise<IncomingMessage> {
    const { authorization } = credentials;
    const headers = { ...this.#access.headers, ...(authorization === undefined ? {} : { authorization }), ...wish.headers };
    const options = { method: wish.method, headers, agent: this.#agentFor(credentials), timeout: wish.silenceMs, ...(wish.signal === undefined ? {} : { signal: wish.signal }) };
    const url = new URL(this.#base.pathname.replace(/\/$/, "") + wish.path, this.#base);
    return new Promise((resolve, reject) => {
      const outgoing = this.#base.protocol === "https:" ? httpsRequest(url, options, resolve) : httpRequest(url, options, resolve);
      outgoing.on("timeout", () => outgoing.destroy(new SilentServer(wish.silenceMs)));
      outgoing.on("error", (error) => reject(isStale(outgoing, error) ? new StaleConnection() : error));
      outgoing.end(wish.body);
    });
  }

  #agentFor(credentials: Credentials): HttpAgent {
    const { ca, certificate, key } = credentials;
    const same = this.#material.ca === ca && this.#material.certificate === certificate && this.#material.key === key;
    if (this.#agent !== undefined && same) return this.#agent;
    this.close();
    this.#material = credentials;
    return (this.#agent = this.#newAgent(credentials));
  }

  #newAgent({ ca, certificate: cert, key }: Credentials): HttpAgent {
    const { insecure, tlsServerName, proxyUrl } = this.#access;
    const proxyEnv = proxyUrl === undefined ? this.#env : { HTTP_PROXY: proxyUrl, HTTPS_PROXY: proxyUrl };
    const options = { keepAlive: true, keepAliveMsecs: keepAliveMs, maxFreeSockets: 32, proxyEnv };
    if (this.#base.protocol !== "https:") return new HttpAgent(options);
    return new HttpsAgent({ ...options, ca, cert, key, rejectUnauthorized: !insecure, ...(tlsServerName === undefined ? {} : { servername: tlsServerName }) });
  }
}

class StaleConnection extends Error {
  override readonly name = "StaleConnection";
}

/** The server said nothing for longer than it may. */
export class SilentServer extends Error {
  override readonly name = "SilentServer";
  constructor(silenceMs: number) {
    super(`the API server said nothing for ${silenceMs / 1000} s`);
  }
}

function isStale(outgoing: ClientRequest, error: NodeJS.ErrnoException): boolean {
  return outgoing.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE");
}
