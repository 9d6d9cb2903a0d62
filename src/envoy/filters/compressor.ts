import { extension } from "#envoy/any";
import type { Filter } from "#envoy/filters/filter";
import { httpFilter } from "#envoy/filters/http-filter";
import { Gzip } from "#gen/envoy/envoy/extensions/compression/gzip/compressor/v3/gzip";
import { Compressor } from "#gen/envoy/envoy/extensions/filters/http/compressor/v3/compressor";

const name = "envoy.filters.http.compressor";

const contentTypes = [
  "text/html", "text/plain", "text/css", "text/xml", "application/javascript", "application/x-javascript", "text/javascript", "text/x-javascript",
  "text/ecmascript", "text/js", "text/jscript", "text/x-js", "application/ecmascript", "application/x-json", "application/xml", "application/json",
  "image/svg+xml", "application/xhtml+xml", "application/grpc-web", "application/grpc-web+proto", "application/grpc-web+json", "application/grpc-web+thrift",
];

/** Compresses answers for clients that accept it. */
export const compressor: Filter = {
  name,
  inListener: (_chain, { compression }) =>
    compression === "off" ? undefined : httpFilter(name, Compressor, { compressorLibrary: extension("gzip", Gzip, {}), responseDirectionConfig: { commonConfig: { contentType: contentTypes } } }),
};
