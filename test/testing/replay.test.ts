import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ConsulDouble } from '../../src/testing/consul-double.ts';
import { captureWorld } from './captured-worlds.ts';
import { captureWorld119 } from './captured-worlds-1.19.0.ts';
import { type Capture, readCaptures } from './captures.ts';
import { orders, replay } from './replay.ts';

// Hundreds of questions each: a busy machine needs its time.
vi.setConfig({ testTimeout: 30_000 });

/** Of these Consul sends a random part, so that another part is all that can be expected. */
const PARTS =
  /^(A udp 12|SRV udp 12 instances, (no EDNS|EDNS 600)|SRV TCP 1100|A EDNS 65535|SRV (9|13|20),|SRV (9|13) instances|SRV 2 with six|SRV trimmed|node ANY$|SRV 12, service address = node address, (no EDNS|EDNS 600|EDNS 1232)|SRV 11, EDNS 1400|SRV 12, no EDNS)/;
/** Options inside an OPT record (client subnet); and the DNS server of old that 1.19.0 has as an experiment. */
const NOT_SENT = /^ECS|^v1dns/;

describe.each(['1.8.7', '1.19.0', '1.22.7'] as const)(
  'asked what Consul %s was asked, the double answers',
  (version) => {
    const bySetup = new Map<string, Capture[]>();
    for (const capture of readCaptures(version)) {
      if (NOT_SENT.test(capture.name) || capture.response.length === 0) continue;
      const world =
        version === '1.19.0'
          ? capture.setup.split(';')[0]!
          : (/cap\d|web-\d+ =/.exec(capture.setup)?.[0] ?? '');
      bySetup.set(world, [...(bySetup.get(world) ?? []), capture]);
    }

    describe.each([...bySetup])('on %s', (_, captures) => {
      let double: ConsulDouble;
      beforeAll(async () => {
        const { setup } = captures[0]!;
        double = await (version === '1.19.0' ? captureWorld119(setup) : captureWorld(setup, version));
      });
      afterAll(() => double.close());

      it.each(captures)('$name', async (capture) => {
        const few = orders(capture) <= 48;
        const likeness = await replay(double, capture, few ? 600 : 3);
        if (PARTS.test(capture.name))
          expect(['the same bytes', 'the same in another order', 'another part of the same']).toContain(
            likeness,
          );
        else if (few) expect(likeness).toBe('the same bytes');
        else expect(likeness).toBe('the same in another order');
      });
    });
  },
);
