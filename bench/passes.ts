import type { Settings } from './benchmark.ts';

/**
 * Runs each job once per pass and returns the results of each. The passes go over everything, so that a busy minute of the machine
 * does not fall on one row alone. One at a time; for a smoke run a few.
 */
export async function inPasses<Job, Result>(
  jobs: readonly Job[],
  passes: number,
  { smoke, progress }: Settings,
  describe: (job: Job) => string,
  run: (job: Job) => Promise<Result>,
): Promise<Result[][]> {
  const total = smoke ? 1 : passes;
  const results = jobs.map((): Result[] => []);
  for (let pass = 1; pass <= total; pass++) {
    const left = jobs.entries();
    const work = async () => {
      for (const [i, job] of left) {
        progress(total > 1 ? `pass ${pass} of ${total}: ${describe(job)}` : describe(job));
        results[i]!.push(await run(job));
      }
    };
    await Promise.all(Array.from({ length: smoke ? 3 : 1 }, work));
  }
  return results;
}
