/** A strategy in the state in which it is measured. */
export interface Case {
  readonly label: string;
  readonly strategy: string;
  /** Weights 1…100 instead of 1 each. */
  readonly unequal?: boolean;
  /** Each pick has a key. */
  readonly keyed?: boolean;
  /** 0…3 requests are in flight everywhere, so that loads differ. Without, strategies that look at loads see ties only. */
  readonly busy?: boolean;
}

/** Every strategy, and those twice that have a short way for the usual state. */
export const cases: readonly Case[] = [
  { label: 'random', strategy: 'random' },
  { label: 'first', strategy: 'first' },
  { label: 'round-robin', strategy: 'round-robin' },
  { label: 'weighted-round-robin', strategy: 'weighted-round-robin' },
  { label: 'weighted-round-robin, unequal', strategy: 'weighted-round-robin', unequal: true },
  { label: 'weighted-random, unequal', strategy: 'weighted-random', unequal: true },
  { label: 'least-used', strategy: 'least-used' },
  { label: 'least-in-flight', strategy: 'least-in-flight' },
  { label: 'least-in-flight, busy', strategy: 'least-in-flight', busy: true },
  { label: 'power-of-two-choices', strategy: 'power-of-two-choices' },
  { label: 'power-of-two-choices, busy', strategy: 'power-of-two-choices', busy: true },
  { label: 'peak-ewma', strategy: 'peak-ewma' },
  { label: 'peak-ewma, busy', strategy: 'peak-ewma', busy: true },
  { label: 'fastest', strategy: 'fastest' },
  { label: 'consistent-hash', strategy: 'consistent-hash', keyed: true },
];

/** Without the second state of a strategy. */
export const plainCases: readonly Case[] = cases.filter(
  ({ strategy }, i) => cases.findIndex((other) => other.strategy === strategy) === i,
);

export function caseOf(label: string): Case {
  const found = cases.find((one) => one.label === label);
  if (found === undefined) throw new Error(`no strategy is measured under the name ${label}`);
  return found;
}
