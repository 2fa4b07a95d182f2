import type { Settings } from './settings.ts';
import { firstLabelEnd } from './wire.ts';

export interface InDomain {
  /** What stands left of the domain, without the dot between. */
  relative: string;
  /** The domain as the question spells it. */
  spelt: string;
}

/** undefined outside of both domains. By labels: a dot inside one is no border. */
export function inDomain({ domain, altDomain }: Settings, name: string): InDomain | undefined {
  for (let rest = name; rest !== ''; rest = rest.slice(firstLabelEnd(rest) + 1)) {
    const lower = rest.toLowerCase();
    if (lower !== domain && lower !== altDomain) continue;
    return { relative: name.slice(0, Math.max(0, name.length - rest.length - 1)), spelt: rest };
  }
  return undefined;
}
