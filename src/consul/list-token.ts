/** A list as it was last seen: what Consul is to be asked with, and what it looked like. */
export interface SeenList {
  /** `undefined` asks anew: Consul answers at once. */
  readonly index: number | undefined;
  readonly state: string;
}

/** `<index>.<state>`: Consul's index alone moves at things that change no list, and says nothing after a restart. */
export function tokenOf({ index = 0, state }: SeenList): string {
  return `${index}.${state}`;
}

/** `undefined` for what names no state. */
export function seenList(token: string | undefined): SeenList | undefined {
  const [, index, state] = /^(\d{1,15})\.([\w-]{1,64})$/.exec(token ?? '') ?? [];
  if (index === undefined || state === undefined) return undefined;
  return { index: Number(index) || undefined, state };
}
