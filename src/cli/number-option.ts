import { InvalidArgumentError } from "commander";
import { parseGoDuration } from "#lib/go-duration";

/** Parses a port given on the command line. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new InvalidArgumentError("write a port from 1 to 65535");
  return port;
}

/** Parses a whole number above zero given on the command line. */
export function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1) throw new InvalidArgumentError("write a whole number above 0");
  return count;
}

/** Parses a whole number given on the command line; zero counts. */
export function parseLimit(text: string): number {
  return text === "0" ? 0 : parseCount(text);
}

/** Parses a duration as Go writes it (`1m30s`) into milliseconds. */
export function parseDuration(text: string): number {
  const parsed = parseGoDuration(text);
  if (!parsed.ok) throw new InvalidArgumentError(parsed.error);
  if (parsed.value < 0) throw new InvalidArgumentError("a time to wait cannot be below 0");
  return parsed.value;
}
