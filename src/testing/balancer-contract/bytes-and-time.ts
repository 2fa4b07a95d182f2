/** Long enough to see one small object in twenty calls, short enough that the heap is seldom tidied meanwhile. */
const block = 4_000;
/** What is compiled late is waited for, within bounds: so many blocks or, of slow calls, ms. */
const blocks = 1_000;
const patience = 1_500;

/**
 * Bytes of the heap that a call takes, once it is compiled. What else runs in this process does not show, since a block is measured
 * without a break. What the compiler and the collector do within a block does, so five blocks in a row have to agree.
 */
export function bytesPerCall(call: () => void): number {
  const start = performance.now();
  let least = Number.POSITIVE_INFINITY;
  let run: number[] = [];
  for (let i = 0; i < blocks && least >= 0.5; i++) {
    const bytes = heapGrowth(call) / block;
    // Less than nothing: the collector came in between.
    if (bytes < 0) continue;
    run = [...run.slice(-4), bytes];
    if (run.length === 5) least = Math.min(least, Math.max(...run));
    if (i > 20 && performance.now() - start > patience) break;
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
  const calls = 1_000;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 60; i++) {
    const start = performance.now();
    for (let j = 0; j < calls; j++) call();
    least = Math.min(least, performance.now() - start);
    // So slow that nothing needs to be measured more closely.
    if (least > 20 && i > 2) break;
  }
  return (least * 1e6) / calls;
}
