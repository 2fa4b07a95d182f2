/** Something that happens at a time. Its action is taken away when it is cancelled. */
export interface Event {
  readonly at: number;
  /** Counts up: of two events at one time the older comes first. */
  readonly order: number;
  action: (() => void) | undefined;
}

/** What is still to happen, and the time it is now: a binary heap. Nothing here waits. */
export class EventQueue {
  readonly #heap: Event[] = [];
  #now = 0;
  #scheduled = 0;

  /** Milliseconds since the begin. */
  get now(): number {
    return this.#now;
  }

  /** What is scheduled for the past happens now, after what is already scheduled for now. O(log n). */
  schedule(delay: number, action: () => void): Event {
    const event: Event = { at: this.#now + Math.max(0, delay), order: this.#scheduled++, action };
    const heap = this.#heap;
    let place = heap.length;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[place] = heap[parent]!;
      place = parent;
    }
    heap[place] = event;
    return event;
  }

  /** Lets the next thing happen; `false` when there is none. O(log n). */
  step(): boolean {
    for (;;) {
      const event = this.#takeFirst();
      if (event === undefined) return false;
      if (event.action === undefined) continue;
      this.#now = event.at;
      event.action();
      return true;
    }
  }

  #takeFirst(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = last;
    return first;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
