import type { Contender, Fleet } from './contender.ts';

export interface Pair {
  /** The peer, as tables name it. */
  readonly label: string;
  /** The case of ours that means the same (balancer/cases.ts). */
  readonly ours: string;
  /** Ours counts what it picked as being in flight, because the peer counts its picks. */
  readonly counted?: boolean;
  readonly make: (fleet: Fleet) => Promise<Contender>;
}

/** Peers at equal semantics. Each is loaded only where it is measured. */
export const pairs: readonly Pair[] = [
  {
    label: '@grpc/grpc-js round_robin',
    ours: 'round-robin',
    make: async (fleet) => new (await import('./grpc.ts')).GrpcPicker('round_robin', fleet),
  },
  {
    label: 'moleculer RoundRobin',
    ours: 'round-robin',
    make: async (fleet) => new (await import('./moleculer.ts')).Moleculer('RoundRobin', fleet),
  },
  {
    label: 'undici BalancedPool',
    ours: 'weighted-round-robin',
    make: async (fleet) => new (await import('./undici-balanced-pool.ts')).UndiciBalancedPool(fleet),
  },
  {
    label: '@grpc/grpc-js weighted_round_robin',
    ours: 'weighted-round-robin',
    make: async (fleet) => new (await import('./grpc.ts')).GrpcPicker('weighted_round_robin', fleet),
  },
  {
    label: 'weighted-round-robin',
    ours: 'weighted-round-robin, unequal',
    make: async (fleet) => new (await import('./weighted-round-robin.ts')).WeightedRoundRobinPeers(fleet),
  },
  {
    label: 'load-balancers random',
    ours: 'random',
    make: async (fleet) => new (await import('./load-balancers.ts')).LoadBalancersRandom(fleet),
  },
  {
    label: 'moleculer Random',
    ours: 'random',
    make: async (fleet) => new (await import('./moleculer.ts')).Moleculer('Random', fleet),
  },
  {
    label: 'sorted counters',
    ours: 'least-used',
    make: async (fleet) => new (await import('./sorted-counters.ts')).SortedCounters(fleet),
  },
  {
    label: 'load-balancers P2C',
    ours: 'power-of-two-choices',
    counted: true,
    make: async (fleet) => new (await import('./load-balancers.ts')).LoadBalancersP2c(fleet),
  },
  {
    label: 'moleculer CpuUsage',
    ours: 'power-of-two-choices, busy',
    make: async (fleet) => new (await import('./moleculer.ts')).Moleculer('CpuUsage', fleet),
  },
  {
    label: 'moleculer Latency',
    ours: 'peak-ewma, busy',
    make: async (fleet) => new (await import('./moleculer.ts')).Moleculer('Latency', fleet),
  },
  {
    label: 'moleculer Latency',
    ours: 'fastest',
    make: async (fleet) => new (await import('./moleculer.ts')).Moleculer('Latency', fleet),
  },
  {
    label: 'moleculer Shard',
    ours: 'consistent-hash',
    make: async (fleet) => new (await import('./moleculer.ts')).MoleculerShard(fleet),
  },
];
