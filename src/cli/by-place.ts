/** Where something listens, in the order in which people read addresses: 10.0.0.9 before 10.0.0.10. */
export function byPlace(a: Place, b: Place): number {
  return a.host.localeCompare(b.host, 'en', { numeric: true }) || a.port - b.port;
}

interface Place {
  readonly host: string;
  readonly port: number;
}
