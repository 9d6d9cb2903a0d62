import type { Logger } from "pino";
import type { Controller } from "#app/controller";
import { askResponder } from "#app/ocsp/responder";
import { Staples } from "#app/ocsp/staples";
import type { Settings } from "#settings/settings";

/** Keeps the staples of a controller's certificates. */
export function keepStaples({ controller, responders, clock, log }: { readonly controller: Pick<Controller, "setStaple">; readonly responders: () => Settings["ocspResponders"]; readonly clock: () => number; readonly log: Pick<Logger, "warn"> }): Staples {
  return new Staples({
    clock, responders, ask: askResponder,
    publish: (secret, staple) => controller.setStaple(secret, staple),
    onTrouble: (secret, responder, reason) => log.warn({ secret, responder, reason }, "an OCSP responder gives no answer; the last one is shown to clients until it ends"),
  });
}
