import { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { TLSSocket } from "node:tls";
import { isIP } from "node:net";
import type { Outcome, ProbeTls } from "#doctor/plan";
import { certificateProblem } from "#doctor/probe/certificate";
import { limit } from "#doctor/probe/limit";
import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";

/** A connection of one's own: never one that was there before. */
export interface Dialled {
  readonly socket: Socket;
  readonly ms: number;
}

const unreachable = new Set(["EHOSTUNREACH", "ENETUNREACH", "EADDRNOTAVAIL", "ENETDOWN", "EHOSTDOWN"]);

/** Opens a connection. */
export function dial(address: string, port: number, timeoutMs: number): Promise<Result<Dialled, Outcome>> {
  const started = performance.now();
  return new Promise((resolve) => {
    const socket = new Socket();
    const settle = (result: Result<Dialled, Outcome>): void => {
      timer.clear();
      if (!result.ok) socket.destroy();
      resolve(result);
    };
    const timer = limit(timeoutMs, () => settle(fail({ kind: "dropped" })));
    socket.once("error", (error: NodeJS.ErrnoException) => settle(fail(outcomeOf(error))));
    socket.once("connect", () => {
      socket.removeAllListeners("error").on("error", () => undefined);
      settle(ok({ socket, ms: performance.now() - started }));
    });
    socket.setNoDelay(true).connect({ host: address, port });
  });
}

function outcomeOf({ code = "", message }: NodeJS.ErrnoException): Outcome {
  if (code === "ECONNREFUSED") return { kind: "refused" };
  if (code === "ETIMEDOUT") return { kind: "dropped" };
  return unreachable.has(code) ? { kind: "unreachable", code } : { kind: "failed", reason: code === "" ? message : code };
}

/** Speaks TLS over a connection as Envoy would: each certificate is looked at, and judged by the rules that Envoy has. */
export function encrypt(socket: Socket, tls: ProbeTls, alpn: readonly string[], timeoutMs: number): Promise<Result<TLSSocket, Outcome>> {
  return new Promise((resolve) => {
    const { serverName, validation, minimumVersion = "1.2", maximumVersion = "1.3" } = tls;
    const secure = connectTls({
      socket,
      rejectUnauthorized: false,
      // Names are compared as Envoy does it, once the handshake is over.
      checkServerIdentity: () => undefined,
      minVersion: `TLSv${minimumVersion}`,
      maxVersion: `TLSv${maximumVersion}`,
      ...(serverName === undefined || isIP(serverName) !== 0 ? {} : { servername: serverName }),
      ...(validation?.authorities === undefined ? {} : { ca: validation.authorities }),
      ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
    });
    const settle = (result: Result<TLSSocket, Outcome>): void => {
      timer.clear();
      secure.removeAllListeners("error").on("error", () => undefined);
      if (!result.ok) secure.destroy();
      resolve(result);
    };
    const timer = limit(timeoutMs, () => settle(fail({ kind: "silent" })));
    secure.once("error", (error: NodeJS.ErrnoException) => settle(fail(tlsOutcome(error))));
    secure.once("close", () => settle(fail({ kind: "tls-failed", reason: "the backend closed the connection during the handshake" })));
    secure.once("secureConnect", () => {
      const problem = validation === undefined ? undefined : certificateProblem(secure, validation);
      settle(problem === undefined ? ok(secure) : fail(problem));
    });
  });
}

/** What OpenSSL calls bytes that are not TLS. */
const notTls = /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|UNEXPECTED_MESSAGE|RECORD_LAYER_FAILURE|wrong version number|packet length too long/i;

function tlsOutcome({ code = "", message }: NodeJS.ErrnoException): Outcome {
  if (notTls.test(code) || notTls.test(message)) return { kind: "tls-absent" };
  if (wantsClientCertificate({ code, message })) return { kind: "client-certificate-wanted" };
  return { kind: "tls-failed", reason: code === "ECONNRESET" ? "the backend closed the connection during the handshake" : shortReason(message) };
}

/** Whether an error says that the backend wants to see a certificate. With TLS 1.3 it comes after the handshake. */
export function wantsClientCertificate({ code = "", message = "" }: { readonly code?: string; readonly message?: string }): boolean {
  return /CERTIFICATE_REQUIRED|certificate required|HANDSHAKE_FAILURE.*certificate/i.test(`${code} ${message}`);
}

/** OpenSSL's errors begin with the place in its sources. */
export function shortReason(message: string): string {
  return (/:SSL routines:[^:]*:([^:]+):/.exec(message)?.[1] ?? message).trim();
}
