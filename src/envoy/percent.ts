import { RuntimeFractionalPercent } from "#gen/envoy/envoy/config/core/v3/base";
import { FractionalPercent_DenominatorType as Denominator } from "#gen/envoy/envoy/type/v3/percent";

/** A share in percent; parts of a percent are kept to four places. */
export function runtimePercent(percent: number): RuntimeFractionalPercent {
  const whole = Number.isInteger(percent);
  const defaultValue = whole ? { numerator: percent, denominator: Denominator.HUNDRED } : { numerator: Math.round(percent * 10_000), denominator: Denominator.MILLION };
  return RuntimeFractionalPercent.fromPartial({ defaultValue });
}
