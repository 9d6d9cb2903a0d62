import { ensureEnvoyBinary } from "#app/envoy-binary";
import { pino } from "pino";

const binary = await ensureEnvoyBinary({ env: process.env, log: pino({ level: "warn" }), progress: (line) => void process.stderr.write(`${line}\n`) });
process.stdout.write(`${binary}\n`);
