import type { Clock } from '../../clock.ts';
import type { Service } from '../../service.ts';

/** In ms. A crash costs every channel its connection at the same moment, and they all ask. */
const atLeastApart = 5_000;

/** Channels that lost a connection would like a newer list: at most one question for each service and 5 s, whoever asks. */
export class RefreshHints {
  readonly #clock: Clock;
  readonly #last = new WeakMap<Service, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  hint(service: Service): void {
    const now = this.#clock.now();
    if (now - (this.#last.get(service) ?? Number.NEGATIVE_INFINITY) < atLeastApart) return;
    this.#last.set(service, now);
    // Asked, and not waited for: who waits keeps the process alive.
    const leave = new AbortController();
    service.refresh({ signal: leave.signal }).catch(() => {});
    leave.abort();
  }
}
