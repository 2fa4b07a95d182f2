import { describe, expect, it } from 'vitest';
import { SlidingCounts } from '../../src/availability/sliding-counts.ts';
import { seeded } from './world.ts';

describe('sliding counts', () => {
  it('are those of the newest ten slots, whatever comes when', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = seeded(seed);
      const counts = new SlidingCounts();
      const all: [slot: number, failed: boolean][] = [];
      let slot = random.below(1_000);
      for (let i = 0; i < 500; i++) {
        slot += random.below(4) > 0 ? 0 : random.below(random.below(10) === 0 ? 50 : 4);
        const failed = random.below(2) === 0;
        counts.add(slot, failed);
        all.push([slot, failed]);
        const recent = all.filter(([earlier]) => earlier > slot - 10);
        const failures = recent.filter(([, wrong]) => wrong).length;
        expect(counts.total()).toEqual({ requests: recent.length, share: failures / recent.length });
      }
    }
  });

  it('are none at first and after clear()', () => {
    const counts = new SlidingCounts();
    expect(counts.total()).toEqual({ requests: 0, share: 0 });
    counts.add(5, true);
    counts.add(6, true);
    counts.clear();
    expect(counts.total()).toEqual({ requests: 0, share: 0 });
    counts.add(6, false);
    expect(counts.total()).toEqual({ requests: 1, share: 0 });
  });
});
