/**
 * What a user may say of one service, checked: in a call, for a service by name, and as the default of all.
 */
import { checkOutlier, checkPriorities, checkSlowStart } from './availability/availability.ts';
import { checkBalancer } from './balancer/index.ts';
import { type Check, fields, number, oneOf, refuse, text } from './checks.ts';
import { parseServiceName } from './dns/name.ts';
import { InvalidOptionError } from './errors.ts';
import type { CheckedServiceOptions } from './options.ts';
import { toAddress } from './resolver/fixed.ts';
import { checkSubset } from './resolver/subset.ts';
import { checkRetryBudget } from './retry-budget.ts';

const forever = Number.POSITIVE_INFINITY;

/** By option. */
export const serviceChecks = {
  balancer: checkBalancer,
  tag: text,
  datacenter: text,
  datacenters: checkDatacenters,
  addresses: checkAddresses,
  subset: checkSubset,
  priorities: orOff(checkPriorities),
  outlier: orOff(checkOutlier),
  slowStart: orOff(checkSlowStart),
  maxInFlight: checkMaxInFlight,
  retryBudget: checkRetryBudget,
  leakSampling: number(0, 1),
  port: number(1, 65_535, { whole: true }),
  family: oneOf<'any' | 4 | 6>('any', 4, 6),
};

const checkServiceFields = fields(serviceChecks) as Check<CheckedServiceOptions>;

/** All of them together. Throws InvalidOptionError. */
export const checkService: Check<CheckedServiceOptions> = (value, path) => {
  const options = checkServiceFields(value, path);
  refuseTwoPlaces(options, path);
  return options;
};

/** Each says where the instances are. */
export function refuseTwoPlaces(options: CheckedServiceOptions, path: string): void {
  for (const other of ['datacenter', 'addresses'] as const) {
    if (options.datacenters === undefined || options[other] === undefined) continue;
    throw new InvalidOptionError(
      `${path}: \`datacenters\` and \`${other}\` both say where the instances are; give one of them.`,
    );
  }
}

/** `false` is a setting like another: it overrules what the discovery says. */
function orOff<T>(check: Check<T | undefined>): Check<T | false> {
  return (value, path) => check(value, path) ?? false;
}

function checkMaxInFlight(value: unknown, path: string): number {
  return value === forever ? forever : number(1, 2 ** 31 - 1, { whole: true })(value, path);
}

function checkDatacenters(value: unknown, path: string): readonly string[] {
  if (!Array.isArray(value) || value.length === 0) return refuse(path, "a list like ['dc1', 'dc2']", value);
  const datacenters = value.map((given, i) => {
    const datacenter = text(given, `${path}[${i}]`).toLowerCase();
    try {
      parseServiceName({ service: 'any', datacenter });
    } catch (cause) {
      throw new InvalidOptionError(`${path}[${i}]: ${(cause as Error).message}`, { cause });
    }
    return datacenter;
  });
  if (new Set(datacenters).size < datacenters.length) return refuse(path, 'each datacenter once', value);
  // One list for one set, so that two ways of saying the same are equal.
  return datacenters.sort();
}

function checkAddresses(value: unknown, path: string): readonly string[] {
  if (!Array.isArray(value) || value.length === 0)
    return refuse(path, "a list like ['10.0.0.1:8080']", value);
  return value.map((given, i) => {
    const address = text(given, `${path}[${i}]`);
    toAddress(address, `${path}[${i}]`);
    return address;
  });
}
