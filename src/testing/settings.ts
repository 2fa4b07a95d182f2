import type { ConsulDoubleOptions } from './double-options.ts';
import type { RecursorZone } from './recursor.ts';
import { type ConsulVersion, type Dialect, dialectOf } from './versions.ts';

/** How this Consul is configured; the names are those of its dns_config. TTLs are in ms. */
export interface Settings {
  version: ConsulVersion;
  dialect: Dialect;
  datacenter: string;
  domain: string;
  altDomain: string | undefined;
  serviceTtl: number | Record<string, number>;
  nodeTtl: number;
  soaMinTtl: number;
  enableTruncate: boolean;
  udpAnswerLimit: number;
  /** 0: no limit */
  aRecordLimit: number;
  metaTxt: boolean;
  onlyPassing: boolean;
  translateWan: boolean;
  disableCompression: boolean;
  recursor: RecursorZone | undefined;
}

export function settingsFrom(options: ConsulDoubleOptions): Settings {
  const { version = '1.22.7' } = options;
  return {
    version,
    dialect: dialectOf(version),
    datacenter: options.datacenter ?? 'dc1',
    domain: (options.domain ?? 'consul').toLowerCase(),
    altDomain: options.altDomain?.toLowerCase(),
    serviceTtl: options.serviceTtl ?? 0,
    nodeTtl: options.nodeTtl ?? 0,
    soaMinTtl: options.soaMinTtl ?? 0,
    enableTruncate: options.enableTruncate ?? false,
    udpAnswerLimit: options.udpAnswerLimit ?? 3,
    aRecordLimit: options.aRecordLimit ?? 0,
    metaTxt: options.metaTxt ?? true,
    onlyPassing: options.onlyPassing ?? false,
    translateWan: options.translateWan ?? false,
    disableCompression: options.disableCompression ?? false,
    recursor: options.recursor,
  };
}

/** In seconds: of this service by name, by its longest prefix, by `*`; undefined where none of them is configured. */
export function serviceTtl({ serviceTtl: configured }: Settings, service: string): number | undefined {
  if (typeof configured === 'number') return wholeSeconds(configured);
  const exact = Object.hasOwn(configured, service) ? configured[service] : undefined;
  if (exact !== undefined) return wholeSeconds(exact);
  const prefixes = Object.keys(configured).filter(
    (key) => key.endsWith('*') && service.startsWith(key.slice(0, -1)),
  );
  const longest = prefixes.sort((one, other) => other.length - one.length)[0];
  return longest === undefined ? undefined : wholeSeconds(configured[longest] ?? 0);
}

/** Consul cuts off what is less than a second (F2.12). */
export function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}
