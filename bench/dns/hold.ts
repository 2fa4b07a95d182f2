/** The child's side of the decode benchmark: how long one large reply holds the event loop. */
import { createDiscovery } from '../../src/index.ts';
import { asChild } from '../child.ts';
import { median, percentile } from '../statistics.ts';

export interface Task {
  readonly port: number;
  /** What to ask for: a name whose list never changes, or changes with every reply. */
  readonly name: string;
  /** `first`: through a new discovery each time, so that every endpoint is new. */
  readonly mode: 'again' | 'first';
  readonly rounds: number;
  /** Rounds before those that count. */
  readonly warmUp: number;
}

/** Times in ms. */
export interface Result {
  readonly cold: number;
  readonly median: number;
  readonly p99: number;
  readonly endpoints: number;
  /** Balancer updates in all rounds. */
  readonly updates: number;
  readonly rounds: number;
  /** Median of JSON.parse of the same list. */
  readonly floor: number;
}

/** The longest turn of the event loop while `work` is done. */
async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let done = false;
  const start = () => {
    let last = performance.now();
    const turn = () => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
      if (!done) setImmediate(turn);
    };
    setImmediate(turn);
  };
  start();
  await work();
  done = true;
  // The turn in which it was done is over only now.
  await new Promise((resolve) => setImmediate(resolve));
  return longest;
}

await asChild(async ({ port, name, mode, rounds, warmUp }: Task): Promise<Result> => {
  let updates = 0;
  const open = () => {
    const discovery = createDiscovery({ servers: [`127.0.0.1:${port}`], transport: 'tcp' });
    const balancer = () => ({ update: () => void updates++, pick: () => undefined });
    return { discovery, service: discovery.service(name, { balancer }) };
  };
  let { discovery, service } = open();
  if (mode === 'again') await service.ready();
  const before = updates;
  const times: number[] = [];
  for (let round = 0; round < warmUp + rounds; round++) {
    if (mode === 'again') times.push(await longestTurn(() => service.refresh()));
    else {
      await discovery.close();
      times.push(
        await longestTurn(() => {
          ({ discovery, service } = open());
          return service.ready();
        }),
      );
    }
  }
  const changes = updates - before;
  const { addresses, endpoints } = service.snapshot;
  await discovery.close();
  const warm = times.slice(warmUp);
  return {
    cold: times[0]!,
    median: median(warm),
    p99: percentile(warm, 0.99),
    endpoints: endpoints.length,
    updates: changes,
    rounds: times.length,
    floor: parseTime(JSON.stringify(addresses)),
  };
});

function parseTime(text: string): number {
  const times = Array.from({ length: 200 }, () => {
    const start = performance.now();
    JSON.parse(text);
    return performance.now() - start;
  });
  return median(times.slice(50));
}
