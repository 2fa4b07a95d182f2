import { entriesOf } from './checks.ts';
import { toAddress } from './resolver/fixed.ts';
import type { Address } from './resolver/resolver.ts';

/** A list that was good once. */
export interface KeptList {
  /** When it was confirmed last: wall clock, ms since 1970. */
  readonly at: number;
  readonly addresses: readonly Address[];
  /** `addresses` as they stand in the file, where that is known. */
  readonly json?: string;
}

export type KeptLists = ReadonlyMap<string, KeptList>;

/** How each file of ours begins: what begins otherwise is somebody else's. */
const signature = '{"format":"consul-dns-balancer last good lists","version":';
const version = 1;
/** Larger files are neither written nor read, in characters. */
export const largestFile = 64 * 2 ** 20;

/** What a file holds, and in words what of it is of no use. */
export interface FileContent {
  readonly lists: KeptLists;
  readonly complaint?: string;
}

/** The file belongs to something else, and is left alone. */
export class ForeignFile extends Error {}

/** @throws ForeignFile */
export function readLists(text: string): FileContent {
  const lists = new Map<string, KeptList>();
  if (text.trim() === '') return { lists };
  if (!text.startsWith(signature)) {
    throw new ForeignFile('It holds something else, so it is left alone: give lastGood a file of its own.');
  }
  let refused = 0;
  try {
    const content = JSON.parse(text);
    if (content.version !== version) {
      return { lists, complaint: `It was written in format ${content.version}, this is ${version}.` };
    }
    for (const [key, value] of entriesOf(content.lists, 'lists')) {
      const { at, addresses } = Object(value);
      const usable = Array.isArray(addresses) ? addresses.flatMap((one) => usableAddress(one)) : [];
      refused += Array.isArray(addresses) ? addresses.length - usable.length : 1;
      if (Number.isFinite(at) && usable.length > 0) lists.set(key, { at, addresses: usable });
    }
  } catch (error) {
    return { lists, complaint: `It is damaged: ${(error as Error).message}` };
  }
  return refused === 0 ? { lists } : { lists, complaint: `${refused} of its addresses are none.` };
}

/** The file's text. Where it would be too large, the lists that come first in `lists` are left out. */
export function writeLists(lists: KeptLists): string {
  const lines: string[] = [];
  let size = 0;
  for (const [key, { at, addresses, json = JSON.stringify(addresses) }] of [...lists].reverse()) {
    const line = `${JSON.stringify(key)}:{"at":${at},"addresses":${json}}`;
    size += line.length + 2;
    if (size > largestFile - 200) break;
    lines.push(line);
  }
  return `${signature}${version},"lists":{\n${lines.reverse().join(',\n')}\n}}\n`;
}

function usableAddress(value: unknown): Address | [] {
  try {
    return typeof value === 'object' ? toAddress(value, 'address') : [];
  } catch {
    return [];
  }
}
