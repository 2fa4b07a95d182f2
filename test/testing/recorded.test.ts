import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ConsulDouble } from '../../src/testing/consul-double.ts';
import type { Capture } from './captures.ts';
import { orders, replay } from './replay.ts';
import { scenarios } from './scenarios/index.ts';
import { recordingsOf, startScenario } from './scenarios/put.ts';
import { ALL, type Step } from './scenarios/scenario.ts';

// Hundreds of questions each: a busy machine needs its time.
vi.setConfig({ testTimeout: 30_000 });

/** More orders than that are not waited for. */
const DRAWS = 600;

describe.each(ALL)('put into Consul %s and into the double alike', (version) => {
  describe.each(scenarios.filter(({ versions = ALL }) => versions.includes(version)))('$name', (scenario) => {
    let double: ConsulDouble;
    beforeAll(async () => {
      double = await startScenario(scenario, version);
    });
    afterAll(() => double.close());

    const recordings = recordingsOf(scenario, version);
    describe.each(scenario.steps.map((step, at) => ({ step, at: at + 1, captures: recordings[at] ?? [] })))(
      'step $at',
      ({ step, captures }) => {
        beforeAll(() => step.put?.(double));

        it('was recorded', () => {
          expect(captures.length).toBeGreaterThan(0);
        });

        it.each(captures)('$name ($transport)', async (capture) => {
          const few = orders(capture) <= 48;
          const part = isPart(step, capture);
          const likeness = await replay(double, capture, few || part ? DRAWS : 5, part);
          if (part) expect(likeness).toMatch(/^the same|^another part/);
          else if (few) expect(likeness).toBe('the same bytes');
          else expect(likeness).toMatch(/^the same/);
        });
      },
    );
  });
});

function isPart({ asks }: Step, { name, transport }: Capture): boolean {
  return asks.some((ask) => {
    const over = (ask.transport ?? 'udp') + (ask.edns === undefined ? '' : `+edns${ask.edns}`);
    return ask.part && `${ask.name} ${ask.type ?? 'SRV'}` === name && over === transport;
  });
}
