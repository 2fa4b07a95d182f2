import type { Status } from '../definitions.ts';

/** A health check as the catalogue has it. */
export interface Check {
  readonly id: string;
  name: string;
  status: Status;
  notes: string;
  output: string;
  /** 'ttl', 'http', 'tcp', 'grpc', 'maintenance'; '' where it was written into the catalogue directly. */
  type: string;
  /** As Consul spells durations; '' where there is none. */
  interval: string;
  timeout: string;
  createIndex: number;
  modifyIndex: number;
}

export type CheckContent = Omit<Check, 'createIndex' | 'modifyIndex'>;

export type Checks = Map<string, Check>;

const RANK: Record<Status, number> = { passing: 0, warning: 1, critical: 2 };

/** The worst of them: what decides whether an instance is in DNS answers. */
export function worst(...all: readonly Iterable<{ status: Status }>[]): Status {
  let found: Status = 'passing';
  for (const checks of all) for (const { status } of checks) if (RANK[status] > RANK[found]) found = status;
  return found;
}

export function bareCheck(id: string, name: string, status: Status): CheckContent {
  return { id, name, status, notes: '', output: '', type: '', interval: '', timeout: '' };
}

/** What the gossip layer says about an agent's node. */
export function serfHealth(): CheckContent {
  return {
    ...bareCheck('serfHealth', 'Serf Health Status', 'passing'),
    output: 'Agent alive and reachable',
  };
}

export function sameContent(one: CheckContent, other: CheckContent): boolean {
  return (['name', 'status', 'notes', 'output', 'type', 'interval', 'timeout'] as const).every(
    (key) => one[key] === other[key],
  );
}
