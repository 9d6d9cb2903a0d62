import { InvalidArgumentError } from "commander";

/** Parses a port given on the command line. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new InvalidArgumentError("write a port from 1 to 65535");
  return port;
}
