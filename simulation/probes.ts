import type { Endpoint } from '../src/endpoint.ts';
import type { Prober, ProberOptions } from '../src/health/probe.ts';
import type { Random } from '../src/random.ts';
import type { Event } from './event-queue.ts';
import type { World } from './world.ts';

/** What a health check takes at speed 1, and what a connect takes, in ms. */
const probeWork = 1;
const roundTrip = 0.5;

/**
 * Probes by HTTP ask for a health page: they see the queue and the speed of a server, put no load on it, and find a server healthy
 * that fails everything else (a broken database behind it). Probes by TCP see the network only: the kernel answers them. Otherwise as
 * src/health/prober.ts, without its promises.
 */
export function simulatedProber(
  world: World,
  meanWork: number,
  random: Random,
  options: ProberOptions,
): Prober {
  const { events } = world;
  const { interval, concurrency, smoothing, timeout, onMeasured } = options;
  const subjects = new Map<Endpoint, Event | undefined>();
  const ready: Endpoint[] = [];
  let running = 0;

  const measure = (endpoint: Endpoint) => {
    const took =
      options.probe === 'tcp' ? roundTrip : world.serverOf(endpoint).expectedDelay(probeWork, meanWork);
    const begun = events.now;
    running++;
    events.schedule(Math.min(took, timeout), () => {
      running--;
      if (subjects.has(endpoint)) {
        const old = endpoint.latency ?? Number.POSITIVE_INFINITY;
        if (took > timeout) endpoint.latency = Number.POSITIVE_INFINITY;
        else endpoint.latency = old === Number.POSITIVE_INFINITY ? took : old + smoothing * (took - old);
        const rest = interval * (1 + 0.1 * random.fraction()) - (events.now - begun);
        subjects.set(
          endpoint,
          events.schedule(rest, () => {
            ready.push(endpoint);
            run();
          }),
        );
        onMeasured(endpoint);
      }
      run();
    });
  };
  const run = () => {
    while (running < concurrency) {
      const next = ready.shift();
      if (next === undefined) return;
      if (subjects.has(next)) measure(next);
    }
  };
  const forget = (endpoint: Endpoint, due: Event | undefined) => {
    if (due !== undefined) due.action = undefined;
    subjects.delete(endpoint);
  };
  return {
    update(endpoints) {
      const listed = new Set(endpoints);
      for (const [endpoint, due] of subjects) if (!listed.has(endpoint)) forget(endpoint, due);
      for (const endpoint of endpoints) {
        if (subjects.has(endpoint)) continue;
        subjects.set(endpoint, undefined);
        ready.push(endpoint);
      }
      run();
    },
    idle() {},
    close() {
      for (const [endpoint, due] of subjects) forget(endpoint, due);
    },
  };
}
