import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

// Numbers of envoy.config.cluster.v3.Cluster. Read from the wire: the full codec would decode every cluster a second time.
const fields = { name: 1, discoveryType: 2, edsClusterConfig: 3 } as const;
const serviceNameField = 2;
const discoveryTypeEds = 3;

/** Gives the name under which a cluster asks for its endpoints, undefined when it does not use EDS. */
export function endpointsNameOf(cluster: Uint8Array): string | undefined {
  const found = { name: "", service: "", eds: false };
  const reader = new BinaryReader(cluster);
  while (reader.pos < reader.len) readField(reader, found);
  return found.eds ? found.service || found.name : undefined;
}

function readField(reader: BinaryReader, found: { name: string; service: string; eds: boolean }): void {
  const [field, wire] = reader.tag();
  if (field === fields.name && wire === WireType.LengthDelimited) found.name = reader.string();
  else if (field === fields.discoveryType && wire === WireType.Varint) found.eds = reader.uint32() === discoveryTypeEds;
  else if (field === fields.edsClusterConfig && wire === WireType.LengthDelimited) found.service = serviceName(reader.bytes());
  else reader.skip(wire, field);
}

function serviceName(config: Uint8Array): string {
  const reader = new BinaryReader(config);
  let name = "";
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === serviceNameField && wire === WireType.LengthDelimited) name = reader.string();
    else reader.skip(wire, field);
  }
  return name;
}
