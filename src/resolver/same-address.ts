import type { Address } from './resolver.ts';

/** True when both say the same of an endpoint; `host` and `port` are taken to be the same already. */
export function sameAddress(a: Address, b: Address): boolean {
  if (a === b) return true;
  return (
    a.weight === b.weight &&
    a.priority === b.priority &&
    a.rank === b.rank &&
    a.target === b.target &&
    a.serverName === b.serverName &&
    a.node === b.node &&
    a.datacenter === b.datacenter &&
    a.check === b.check &&
    sameList(a.tags, b.tags) &&
    sameRecord(a.meta, b.meta)
  );
}

function sameList(a: readonly string[] = [], b: readonly string[] = []): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}

function sameRecord(
  a: Readonly<Record<string, string>> = {},
  b: Readonly<Record<string, string>> = {},
): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
