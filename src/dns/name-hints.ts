import { kindOf, type ServiceName } from './name-kinds.ts';
import type { Place } from './name-place.ts';

/**
 * What "no such name" can mean for this form of name, beyond what it can mean for all: a clause each, for a list behind a colon.
 * Empty for a plain service.
 */
export function whyNotFound(name: ServiceName): readonly string[] {
  const { port, peer, namespace, partition } = name as Place;
  const hints: string[] = [...ofKind(name)];
  if (port !== undefined) {
    hints.push(
      `an instance without a port named "${port}" (one is enough to hide all), or Consul before 1.22, which knows no named ports`,
    );
  }
  if (peer !== undefined) {
    hints.push(
      `no peering named "${peer}", or nothing exported by it under this name, or Consul before 1.14.2, which does not know .peer`,
    );
  }
  if (namespace !== undefined || partition !== undefined) {
    hints.push('a Consul that is not Enterprise, which knows no namespaces and partitions');
  }
  return hints;
}

function ofKind(name: ServiceName): readonly string[] {
  switch (kindOf(name)) {
    case 'service': {
      const { tag } = name as { tag?: string };
      // More often the protocol of an RFC 2782 name than a tag.
      const protocol = tag !== undefined && /^(udp|tcp|sctp|tls|https?|grpc)$/i.test(tag);
      return protocol
        ? [
            `no instance with the tag "${tag}": in _name._${tag} Consul takes a protocol other than _tcp for a tag`,
          ]
        : [];
    }
    case 'query':
      return ['no prepared query of this name in this datacenter: each is defined in one'];
    case 'connect':
      return ['no sidecar proxy or mesh-native instance of the service'];
    case 'ingress':
      return ['no ingress gateway that exposes the service'];
    case 'virtual':
      return ['a service that is not in the mesh, or Consul before 1.11, which does not know .virtual'];
    default:
      return [];
  }
}
