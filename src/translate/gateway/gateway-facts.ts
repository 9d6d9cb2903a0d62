import type { Rule } from "#store/family";
import { family } from "#store/family";
import { httpsPorts } from "#translate/gateway/listener-index";
import { gatewayRefusal } from "#translate/gateway/gateway-status";
import type { GatewayRefusal } from "#translate/gateway/gateway-status";
import { frontendValidation } from "#translate/gateway/gateway-tls";
import type { FrontendValidation } from "#translate/gateway/gateway-tls";
import { gatewaySites, ourGateway } from "#translate/gateway/site";

/** Why a Gateway as a whole cannot be served. Bucket: `namespace/name` of the Gateway. */
export const gatewayRefusals = family<GatewayRefusal>("gateway-refusal");

/** What Gateways ask of the clients of a port with HTTPS. Bucket: see `portOfGateway`. */
export const frontendValidations = family<FrontendValidation>("frontend-validation");

/** Checks each Gateway as a whole. */
export const refuseGateways: Rule = {
  name: "gateway-refusal",
  over: gatewaySites,
  derive(bucket, read, emit) {
    const gateway = ourGateway(read, bucket);
    const refusal = gateway === undefined ? undefined : gatewayRefusal(read, gateway);
    if (refusal !== undefined) emit(gatewayRefusals, bucket, refusal);
  },
};

/** Finds what Gateways ask of clients, port by port, so that a listener reads that alone and not the whole Gateway. */
export const validateFrontends: Rule = {
  name: "frontend-validation",
  over: httpsPorts,
  derive(bucket, read, emit) {
    const found = read.one(httpsPorts, bucket);
    const gateway = found === undefined ? undefined : ourGateway(read, found.gateway);
    const validation = found === undefined || gateway === undefined ? undefined : frontendValidation(read, gateway, found.port);
    if (validation !== undefined) emit(frontendValidations, bucket, validation);
  },
};
