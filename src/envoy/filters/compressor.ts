import { extension } from "#envoy/any";
import type { Filter } from "#envoy/filters/filter";
import { httpFilter } from "#envoy/filters/http-filter";
import { stringMatcher } from "#envoy/match";
import { Brotli } from "#gen/envoy/envoy/extensions/compression/brotli/compressor/v3/brotli";
import { Gzip } from "#gen/envoy/envoy/extensions/compression/gzip/compressor/v3/gzip";
import { Zstd } from "#gen/envoy/envoy/extensions/compression/zstd/compressor/v3/zstd";
import { Compressor } from "#gen/envoy/envoy/extensions/filters/http/compressor/v3/compressor";

const name = "envoy.filters.http.compressor";

const contentTypes = [
  "text/(css|ecmascript|html|javascript|js|jscript|plain|x-javascript|x-js|xml)",
  "application/(ecmascript|javascript|json|x-javascript|x-json|xhtml\\+xml|xml|grpc-web(\\+(json|proto|thrift))?)",
  "image/svg\\+xml",
];

const libraries = {
  gzip: () => extension("gzip", Gzip, {}),
  brotli: () => extension("brotli", Brotli, {}),
  zstd: () => extension("zstd", Zstd, {}),
} as const;

/** Compresses answers for clients that accept it. */
export const compressor: Filter = {
  name,
  inListener: (_chain, { compression }) =>
    compression === "off" ? undefined : httpFilter(name, Compressor, { compressorLibrary: libraries[compression](), responseDirectionConfig: { commonConfig: { contentTypeMatcher: contentTypes.map((pattern) => stringMatcher({ kind: "regex", pattern })) } } }),
};
