import { keepAlive } from '../../keep-alive.ts';

/** Something that has to be ended in good order before the process is. */
export interface ShutdownMember {
  readonly signals: readonly NodeJS.Signals[];
  /** Must not reject. `hurry` aborts when whoever wants the end says so a second time. */
  end(why: NodeJS.Signals | 'beforeExit', hurry: AbortSignal): Promise<void>;
}

/** A process dies once: all registrations share this, also those of another copy of this package. */
const shutdownKey: unique symbol = Symbol.for('consul-dns-balancer.shutdown') as never;

/** Calls `member.end()` before the process ends. Returns the way to take it back. */
export function beforeShutdown(member: ShutdownMember): () => void {
  const shared = process as typeof process & { [shutdownKey]?: Pick<Shutdown, 'add'> };
  shared[shutdownKey] ??= new Shutdown();
  return shared[shutdownKey].add(member);
}

/**
 * On a signal: all members end, together, and the signal is raised again without our handler, so that the process dies by it (exit code 143
 * for SIGTERM) unless somebody else listens. A second signal hurries, a third does not wait at all.
 */
class Shutdown {
  readonly #members = new Set<ShutdownMember>();
  readonly #listeners = new Map<NodeJS.Signals, () => void>();
  #hurry: AbortController | undefined;
  readonly #onBeforeExit = () => void this.#endAll('beforeExit', [...this.#members]);

  add(member: ShutdownMember): () => void {
    if (this.#members.size === 0) process.on('beforeExit', this.#onBeforeExit);
    this.#members.add(member);
    for (const signal of member.signals) this.#listen(signal);
    return () => this.#remove(member);
  }

  #remove(member: ShutdownMember): void {
    if (!this.#members.delete(member)) return;
    if (this.#members.size === 0) process.off('beforeExit', this.#onBeforeExit);
    // While it ends, a second signal has to be heard.
    if (this.#hurry === undefined) this.#unlistenUnused();
  }

  #listen(signal: NodeJS.Signals): void {
    if (this.#listeners.has(signal)) return;
    const listener = () => void this.#onSignal(signal);
    this.#listeners.set(signal, listener);
    process.on(signal, listener);
  }

  #unlisten(signal: NodeJS.Signals): void {
    const listener = this.#listeners.get(signal);
    if (listener !== undefined) process.off(signal, listener);
    this.#listeners.delete(signal);
  }

  #unlistenUnused(): void {
    const wanted = new Set([...this.#members].flatMap(({ signals }) => signals));
    for (const signal of [...this.#listeners.keys()]) if (!wanted.has(signal)) this.#unlisten(signal);
  }

  async #onSignal(signal: NodeJS.Signals): Promise<void> {
    if (this.#hurry?.signal.aborted) this.#raise(signal);
    else if (this.#hurry !== undefined) this.#hurry.abort();
    else {
      await this.#endAll(
        signal,
        [...this.#members].filter(({ signals }) => signals.includes(signal)),
      );
      this.#raise(signal);
    }
  }

  async #endAll(why: NodeJS.Signals | 'beforeExit', members: readonly ShutdownMember[]): Promise<void> {
    if (this.#hurry !== undefined) return;
    this.#hurry = new AbortController();
    const { signal } = this.#hurry;
    const letGo = keepAlive();
    await Promise.allSettled(members.map((member) => member.end(why, signal)));
    for (const member of members) this.#remove(member);
    // Warnings are printed on the next turn.
    await new Promise((resolve) => setImmediate(resolve));
    this.#hurry = undefined;
    this.#unlistenUnused();
    letGo();
  }

  #raise(signal: NodeJS.Signals): void {
    this.#unlisten(signal);
    process.kill(process.pid, signal);
  }
}
