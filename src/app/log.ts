import { pino } from "pino";
import type { DestinationStream, Logger } from "pino";
import { redactSecrets } from "#app/debug/redact";

/** How log lines are written: `text` is logfmt, as Go Contour writes it. */
export type LogFormat = "text" | "json";

/** The levels of a log, the most talkative first. */
export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

/** Makes the log of a process. Keys and tokens are taken out of everything that is written, also out of errors of others. */
export function createLog({ level, format, to }: { readonly level: string; readonly format: LogFormat; readonly to: DestinationStream }): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }), log: (fields) => redactSecrets(plain(fields)) as Record<string, unknown> },
    },
    format === "json" ? to : { write: (line) => to.write(logfmt(line)) },
  );
}

/** Errors have their message in properties that are not listed. */
function plain(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? value.message : value]));
}

/** `time="…" level=info msg="…" field=value`, a form that people and machines read. */
function logfmt(line: string): string {
  const { time, level, msg, ...fields } = JSON.parse(line) as Readonly<Record<string, unknown>>;
  const written = Object.entries({ time, level, msg, ...fields }).filter(([, value]) => value !== undefined);
  return `${written.map(([name, value]) => `${name}=${logfmtValue(value)}`).join(" ")}\n`;
}

function logfmtValue(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /^[\w./:@+-]+$/.test(text) ? text : JSON.stringify(text);
}

/** Lets a signal switch a log between its level and `debug`: `kill -USR2`, where no debug endpoint can be reached. */
export function switchLevelOn(signal: NodeJS.Signals, log: Logger, until: AbortSignal): void {
  const usual = log.level;
  const change = (): void => {
    log.level = log.level === "debug" ? usual : "debug";
    log[log.level === "silent" ? "fatal" : "info"]({ level: log.level }, "the level of the log was changed by a signal");
  };
  process.on(signal, change);
  until.addEventListener("abort", () => process.off(signal, change), { once: true });
}
