import type { ConsulDouble, ConsulDoubleOptions } from '../../../src/testing/consul-double.ts';
import type { ConsulVersion } from '../../../src/testing/versions.ts';
import type { Asked } from '../ask.ts';

/**
 * A Consul with something in it, and questions to it.
 *
 * Each was put into real agents, and what they said is kept beside the other captures (recorded-*.json): the double is given
 * the same and held to the same replies, byte for byte. live.ts asks real and double next to each other, and with
 * RECORD_CONSUL set it writes those files anew.
 */
export interface Scenario {
  name: string;
  /** Default: all three. */
  versions?: readonly ConsulVersion[];
  options?: Omit<ConsulDoubleOptions, 'version' | 'port' | 'host' | 'seed' | 'clock'>;
  steps: readonly Step[];
}

export interface Step {
  /** What is done before these questions; nothing is taken back by a later step. */
  put?(consul: Puttable): void;
  asks: readonly Question[];
}

export interface Question extends Asked {
  /** Default 'udp'. */
  transport?: 'udp' | 'tcp';
  /** So many different replies were recorded where Consul draws lots, default 1. */
  replies?: number;
  /** Consul sends a random part of all there is: no two replies need have the same records. */
  part?: true;
}

/** The part of the double that can be done to a real Consul, too. */
export type Puttable = Pick<ConsulDouble, 'addNode' | 'addQuery' | 'setVirtualAddress'> & {
  register(service: Parameters<ConsulDouble['register']>[0]): unknown;
  dns: Pick<ConsulDouble['dns'], 'acl' | 'unreachable'>;
};

export const ALL: readonly ConsulVersion[] = ['1.8.7', '1.19.0', '1.22.7'];

/** The same question with each of several types. */
export function withTypes(name: string, ...types: NonNullable<Asked['type']>[]): Question[] {
  return types.map((type) => ({ name, type }));
}
