/**
 * Which discovery answers for which name, for each grpc-js that is loaded: several of them are, as soon as two packages disagree on
 * a version. The memory is the process' and not this module's, since of this module there may be two as well.
 */

import type { Clock } from '../../clock.ts';
import type { Service } from '../../service.ts';
import type { GrpcModule } from './peer.ts';
import type { ServiceConfigJson } from './service-config.ts';

/** One discovery as channels see it. */
export interface Registered {
  readonly discovery: object;
  readonly domain: string;
  readonly clock: Clock;
  readonly serviceConfig: ServiceConfigJson;
  /** @throws InvalidNameError; InvalidOptionError; ClosedError */
  open(name: string, port: number | undefined): Service;
}

/** By the authority of the target; `''` is the one without a name. */
export type Registry = Map<string, Registered>;

const key = Symbol.for('consul-dns-balancer.grpc');

/** The registry of that grpc-js, and whether it is a new one. `experimental` is one object, however the module was imported. */
export function registryOf({ experimental }: GrpcModule): { registry: Registry; fresh: boolean } {
  const memory = globalThis as { [key]?: WeakMap<object, Registry> };
  memory[key] ??= new WeakMap();
  const known = memory[key].get(experimental);
  if (known !== undefined) return { registry: known, fresh: false };
  const registry: Registry = new Map();
  memory[key].set(experimental, registry);
  return { registry, fresh: true };
}
