/**
 * What was true when: the side of the script. A change takes a while to be true everywhere, and while an agent restarts nobody
 * can say what it answers: then an instance is `maybe` listed, and whatever a client shows of it is explained.
 */
export type State = 'in' | 'out' | 'maybe';

interface Entry {
  readonly at: number;
  readonly state: State;
}

/** Nobody asks further back, in ms. */
const memory = 120_000;

export class Ledger {
  readonly #histories = new Map<string, Entry[]>();
  #disturbedUntil = Number.NEGATIVE_INFINITY;
  #disturbances = 0;

  /** From `at` (now or a little later) on, `instance` is in that state. */
  set(instance: string, state: State, at: number): void {
    const history = this.#histories.get(instance) ?? [];
    // What was announced for later does not happen any more.
    while (history.length > 0 && history.at(-1)!.at >= at) history.pop();
    history.push({ at, state });
    while (history.length > 1 && history[1]!.at < at - memory) history.shift();
    this.#histories.set(instance, history);
  }

  /** True when `instance` was in one of the states at some time in `from…to`. Unknown instances are out. */
  wasEver(instance: string, states: readonly State[], from: number, to: number): boolean {
    const history = this.#histories.get(instance) ?? [];
    let current: State = 'out';
    for (const { at, state } of history) {
      if (at > to) break;
      if (at > from && states.includes(current)) return true;
      current = state;
    }
    return states.includes(current);
  }

  /** True when `instance` was in that state all the time. */
  wasAlways(instance: string, state: 'in' | 'out', from: number, to: number): boolean {
    const others: State[] = state === 'in' ? ['out', 'maybe'] : ['in', 'maybe'];
    return !this.wasEver(instance, others, from, to);
  }

  stateAt(instance: string, at: number): State {
    return (
      (['in', 'out', 'maybe'] as const).find((state) => this.wasEver(instance, [state], at, at)) ?? 'out'
    );
  }

  instances(): IterableIterator<string> {
    return this.#histories.keys();
  }

  /** Questions get lost from now on. Returns how to say that it is over. */
  disturb(): (now: number) => void {
    this.#disturbances++;
    return (now) => {
      this.#disturbances--;
      this.#disturbedUntil = now;
    };
  }

  /** True when no question needs to have been lost since `from`. */
  calmSince(from: number): boolean {
    return this.#disturbances === 0 && this.#disturbedUntil < from;
  }
}
