/**
 * Keeps the process alive while a caller awaits `work`, and no longer.
 *
 * All sockets and timers of this package are unreferenced, so that background refreshes never hold a program open.
 * Without this hold, a top-level `await service.ready()` would end the program with exit code 13.
 */
export async function keepAliveDuring<T>(work: Promise<T>): Promise<T> {
  const letGo = keepAlive();
  try {
    return await work;
  } finally {
    letGo();
  }
}

/** The same where there is no promise: until what it returns is called. */
export function keepAlive(): () => void {
  const hold = setInterval(() => {}, 2 ** 30);
  return () => clearInterval(hold);
}
