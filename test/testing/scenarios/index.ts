import { denied, unknownToken } from './access.ts';
import { ingress, mesh, virtual, virtualSrv } from './mesh.ts';
import { silence, uncompressed } from './metadata.ts';
import { altDomain, names } from './names.ts';
import { datacenters, peers, wan } from './places.ts';
import { ports } from './ports.ts';
import { queries } from './queries.ts';
import { recursors } from './recursors.ts';
import type { Scenario } from './scenario.ts';
import { dualStack, manyAddresses, targets } from './targets.ts';

export const scenarios: readonly Scenario[] = [
  targets,
  manyAddresses,
  dualStack,
  recursors,
  datacenters,
  wan,
  peers,
  mesh,
  ingress,
  virtual,
  virtualSrv,
  names,
  altDomain,
  ports,
  queries,
  denied,
  unknownToken,
  silence,
  uncompressed,
];
