/** What is said where nobody listens for it: an outage that somebody waits through. */
export function warnOf(what: string): (error: unknown) => void {
  return (error) =>
    process.emitWarning(`${what} goes on without news: ${(error as Error).message}`, {
      type: 'DiscoveryWarning',
      code: 'CONSUL_UNAVAILABLE',
    });
}
