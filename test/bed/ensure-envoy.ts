import { ensureEnvoyBinary } from "#app/envoy-binary";

const binary = await ensureEnvoyBinary({ env: process.env, progress: (line) => void process.stderr.write(`${line}\n`) });
process.stdout.write(`${binary}\n`);
