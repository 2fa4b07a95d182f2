import { DiscoveryError } from '../../errors.ts';
import type { Service } from '../../service.ts';
import type { GrpcStatus } from './outlet.ts';
import { type GrpcModule, type GrpcUri, UNAVAILABLE } from './peer.ts';
import { shown } from './target.ts';

/** What calls are told: the target, the code and the message, in `details`. gRPC has no other place for them. */
export function statusOf(error: unknown, target: GrpcUri, { Metadata }: GrpcModule): GrpcStatus {
  const code = error instanceof DiscoveryError ? ` ${error.code}:` : '';
  const message = error instanceof Error ? error.message : String(error);
  return { code: UNAVAILABLE, details: `${shown(target)}:${code} ${message}`, metadata: new Metadata() };
}

/** Why there is no list, as a pick would say it: the newest that Consul answered. */
export function whyNobody(service: Service): unknown {
  try {
    service.pick();
    return undefined;
  } catch (error) {
    const { cause } = error as Error;
    return cause instanceof DiscoveryError ? cause : error;
  }
}
