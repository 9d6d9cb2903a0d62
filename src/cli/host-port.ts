import { InvalidArgumentError } from "commander";
import { parsePort } from "#cli/number-option";

/** Where something is reached. */
export interface HostPort {
  /** An IP address, without brackets, or a name. */
  readonly address: string;
  readonly port: number;
}

/** Reads `host:port`; an IPv6 address stands in brackets. */
export function parseHostPort(text: string): HostPort {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d+)$/.exec(text) ?? [];
  const address = bracketed ?? plain;
  if (address === undefined || port === undefined) throw new InvalidArgumentError("write a host and a port, like collector.telemetry.svc:4317");
  return { address, port: parsePort(port) };
}
