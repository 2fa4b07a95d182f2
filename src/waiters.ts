/** Those who wait for the next event of a kind. Leaves nothing behind in who woke or who left. */
export class Waiters {
  readonly #wakes = new Set<() => void>();

  wake(): void {
    for (const wake of [...this.#wakes]) wake();
  }

  /** Resolves at the next `wake()`, and also when `signal` aborts: look why. */
  next(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#wakes.delete(wake);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      this.#wakes.add(wake);
      signal?.addEventListener('abort', wake, { once: true });
    });
  }
}
