import { extension } from "#envoy/any";
import type { Filter } from "#envoy/filters/filter";
import { httpFilter } from "#envoy/filters/http-filter";
import { stringMatcher } from "#envoy/match";
import { Gzip } from "#gen/envoy/envoy/extensions/compression/gzip/compressor/v3/gzip";
import { Compressor } from "#gen/envoy/envoy/extensions/filters/http/compressor/v3/compressor";

const name = "envoy.filters.http.compressor";

const contentTypes = [
  "text/(css|ecmascript|html|javascript|js|jscript|plain|x-javascript|x-js|xml)",
  "application/(ecmascript|javascript|json|x-javascript|x-json|xhtml\\+xml|xml|grpc-web(\\+(json|proto|thrift))?)",
  "image/svg\\+xml",
];

/** Compresses answers for clients that accept it. */
export const compressor: Filter = {
  name,
  inListener: (_chain, { compression }) =>
    compression === "off" ? undefined : httpFilter(name, Compressor, { compressorLibrary: extension("gzip", Gzip, {}), responseDirectionConfig: { commonConfig: { contentTypeMatcher: contentTypes.map((pattern) => stringMatcher({ kind: "regex", pattern })) } } }),
};
