/** Long enough to see one small object in twenty calls, short enough that the heap is seldom tidied meanwhile. */
const block = 10_000;

/**
 * Bytes of the heap that a call takes, once it is compiled. What runs beside the suite in this process does not show: a block is
 * measured without a break. What the compiler and the collector do within a block does, so several blocks in a row have to agree.
 */
export function bytesPerCall(call: () => void): number {
  let least = Number.POSITIVE_INFINITY;
  let run: number[] = [];
  for (let i = 0; i < 400; i++) {
    const bytes = heapGrowth(call) / block;
    // Less than nothing: the collector came in between.
    if (bytes < 0) continue;
    run = [...run.slice(-4), bytes];
    if (run.length === 5) least = Math.min(least, Math.max(...run));
    if (least < 0.5) break;
  }
  return least;
}

function heapGrowth(call: () => void): number {
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < block; i++) call();
  return process.memoryUsage().heapUsed - before;
}

/** Nanoseconds of a call: of many short blocks the quickest, which nothing else has disturbed. */
export function timePerCall(call: () => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 60; i++) {
    const start = performance.now();
    for (let j = 0; j < 1_000; j++) call();
    least = Math.min(least, performance.now() - start);
    // Slow enough to be sure of it.
    if (least > 50 && i > 2) break;
  }
  return (least * 1e6) / 1_000;
}
