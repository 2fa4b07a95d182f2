import type { ServiceName } from './dns/name.ts';
import { InvalidOptionError } from './errors.ts';
import type { CheckedServiceOptions } from './options.ts';
import { withPlace } from './place-options.ts';

/**
 * Settings from the farthest (the discovery's) to the nearest (the call's) as one. The nearest holds; what it says of where the
 * instances are also rules out what a farther one says of that in another way.
 */
export function layered<T extends CheckedServiceOptions>(
  farthest: T,
  ...nearer: readonly (CheckedServiceOptions | undefined)[]
): T {
  let settings = farthest;
  for (const near of nearer) {
    if (near === undefined) continue;
    const { datacenter, datacenters, addresses, ...rest } = settings;
    const far = {
      ...(near.datacenters === undefined && { datacenter, addresses }),
      ...(near.datacenter === undefined && near.addresses === undefined && { datacenters }),
    };
    settings = { ...rest, ...present(far), ...near } as T;
  }
  return settings;
}

/**
 * The datacenters that a name is to be asked for in; `undefined` where it already says where, or where no datacenter means anything
 * to such a name.
 *
 * @param called whether the caller said them for this name, rather than for all.
 * @throws InvalidOptionError
 */
export function datacentersFor(
  name: ServiceName,
  datacenters: readonly string[] | undefined,
  called: boolean,
): readonly string[] | undefined {
  const [first] = datacenters ?? [];
  if (first === undefined) return undefined;
  const { datacenter } = name as { datacenter?: string };
  if (datacenter !== undefined) {
    if (!called) return undefined;
    throw new InvalidOptionError(
      `The name says the datacenter ${JSON.stringify(datacenter)} and the options say the datacenters ${datacenters!.join(', ')}. Say it in one place.`,
    );
  }
  const placed = withPlace(name, { datacenter: first }, called ? { datacenter: first } : {});
  return placed === name ? undefined : datacenters;
}

function present<T extends object>(settings: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(settings).filter(([, value]) => value !== undefined),
  ) as Partial<T>;
}
