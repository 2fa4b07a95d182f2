import { createRequire } from 'node:module';
import type * as UndiciModule from 'undici';
import { PeerError } from '../../errors.ts';

/** The user's own undici, of whichever major. */
export type Undici = typeof UndiciModule;

const oldest = 7;

/**
 * The undici to work with: the given one, else the one that is installed beside this package. At the first use and not at the import,
 * so that what is wrong with it can be said.
 *
 * @throws PeerError where there is none, where it is older than 7, or where it does not load on this Node.
 */
export function peer(given: unknown): Undici {
  return checked(given ?? installed());
}

/** Majors from 8 on know only handlers with `onRequestStart`. */
export function knowsOldHandlers(undici: Undici): boolean {
  return !('Dispatcher1Wrapper' in undici);
}

function installed(): unknown {
  let version = 'unknown version';
  try {
    // Inside: in a bundle there may be no URL to begin from.
    const require = createRequire(import.meta.url);
    version = (require('undici/package.json') as { version: string }).version;
    return require('undici');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND' && version === 'unknown version') {
      throw new PeerError(
        `consul-dns-balancer/undici needs the package undici, ${oldest} or newer, which is not installed: npm install undici@${oldest}, or hand the module over as { undici }.`,
        { cause },
      );
    }
    if (version === 'unknown version') {
      throw new PeerError(
        `consul-dns-balancer/undici cannot look for undici from here, as in a bundle: hand the module over as { undici }. ${String(cause)}`,
        { cause },
      );
    }
    throw new PeerError(
      `undici ${version} does not load on Node ${process.version}: ${String(cause)}. undici 8 needs Node 22.19; undici ${oldest} works on every supported Node.`,
      { cause },
    );
  }
}

function checked(undici: unknown): Undici {
  const { Pool, buildConnector, cacheStores } = Object(undici) as Partial<Undici>;
  if (typeof Pool !== 'function' || typeof buildConnector !== 'function') {
    throw new PeerError(
      'undici: expected the module itself, as `import * as undici from "undici"` or require("undici") gives it.',
    );
  }
  // Its way of telling handlers of a response came with the cache.
  if (cacheStores === undefined) {
    throw new PeerError(
      `undici: this one is older than ${oldest}: it tells its handlers of a response in another way. Install undici ${oldest} or newer.`,
    );
  }
  return undici as Undici;
}
