import type { NamedPort, ServiceDefinition } from './definitions.ts';

/** The ports of an instance: Consul takes one `port`, or several of which exactly one is the default (F12.11). */
export function choosePorts({ name, port, ports }: ServiceDefinition): {
  port: number;
  ports: readonly NamedPort[];
} {
  if (ports === undefined) return { port: port ?? 0, ports: [] };
  const chosen = ports.filter((one) => one.default);
  if (port !== undefined || chosen.length !== 1) {
    throw new Error(
      `${name}: with ports there is no port, and exactly one of them is marked as default, as in Consul`,
    );
  }
  return { port: chosen[0]!.port, ports };
}

/** The port a question gets, which may name one; undefined where this instance has none of that name (F1.8). */
export function portNamed(
  { port, ports }: { port: number; ports: readonly NamedPort[] },
  wanted: string | undefined,
): number | undefined {
  return wanted === undefined ? port : ports.find(({ name }) => name === wanted)?.port;
}
