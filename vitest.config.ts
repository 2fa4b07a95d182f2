import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Vitest would leave one processor to itself, and has little to do there. */
const maxWorkers = availableParallelism();

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/integration/**', 'test/package/**', 'test/cluster/**'],
          // Some run through thousands of lists: on a busy machine they take a while.
          testTimeout: 60_000,
          maxWorkers,
        },
      },
      {
        test: {
          name: 'package',
          include: ['test/package/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          // One lets Consul compute for a minute and a half: on a machine ten times as busy as it should be, for a quarter of an hour.
          testTimeout: 1_200_000,
          hookTimeout: 120_000,
          // Most wait, for a refresh, an election, the end of an outage; a few keep a processor busy. Each has agents of its own.
          maxWorkers: Math.min(maxWorkers, 4),
          maxConcurrency: 4,
          // Not while the unit tests compute: some of these measure how long things take.
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
