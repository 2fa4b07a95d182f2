import { fields, flag, refuse, text } from '../checks.ts';
import { canonicalName, parseServiceName, type ServiceName } from '../dns/name.ts';
import { ConsulError, DiscoveryError, ServiceNotFoundError } from '../errors.ts';
import { Pace } from '../pace.ts';
import { type HostLookup, systemLookup } from '../resolver/host-addresses.ts';
import type { Resolution, ResolveOptions, Resolver } from '../resolver/resolver.ts';
import { changed, nextIndex } from './blocking.ts';
import { type HealthQuestion, healthQuestion } from './health-question.ts';
import type { ConsulHttp, ConsulResponse } from './http.ts';
import { instanceOf, type RawHealthEntry } from './instance.ts';
import { seenList, tokenOf } from './list-token.ts';
import { addressesOf, fingerprint, type Listed, listed } from './listed-instance.ts';

export interface ConsulHttpOptions {
  /** Tags that an instance must all have, beside that of the name. DNS can ask for one only. */
  readonly tags?: readonly string[];
  /** Consul's filter expressions: `Service.Meta.version == "2"`. */
  readonly filter?: string;
  /** Only instances whose checks all pass. Default `false`: those that warn too, as by DNS. */
  readonly passing?: boolean;
}

const checkOptions = fields({
  tags: (value, path) =>
    Array.isArray(value)
      ? value.map((tag, i) => text(tag, `${path}[${i}]`))
      : refuse(path, 'a list of tags', value),
  filter: text,
  passing: flag,
});

/** How long a list may be used without a word of Consul, in ms: changes are told, so this is for the case that they are not. */
const lasting = 60_000;
/** The same where host names of it could not be resolved. */
const lastingInDoubt = 5_000;
/** Consul's index moves at things that change no list; how often it may be asked again for nothing. */
const forNothing = { burst: 10, perSecond: 5 };

type Body = readonly RawHealthEntry[] | QueryAnswer;

interface QueryAnswer {
  readonly Nodes: readonly RawHealthEntry[] | null;
  readonly DNS?: { readonly TTL?: string };
}

/**
 * A resolver over Consul's HTTP API, in place of its DNS: `createDiscovery({ source: consulHttp(consul) })`.
 *
 * Every list is complete, and changes are pushed by blocking queries (`ResolveOptions.after`): one connection for each service in use, of
 * the 200 that an agent allows one address (`http_max_conns_per_client`). Critical instances and those in maintenance are left out here, so
 * that those that warn stay, with their weight of warning, as by DNS. Tags, meta, node and datacenter of instances come along. A prepared
 * query is not pushed: it is run again when its TTL is over.
 *
 * @throws InvalidOptionError. Rejects with ServiceNotFoundError, InvalidNameError for machines and virtual addresses, ConsulError,
 * DiscoveryError ERR_UNREACHABLE or ERR_TIMEOUT, ClosedError.
 */
export function httpResolver(
  http: ConsulHttp,
  options: ConsulHttpOptions = {},
  lookup: HostLookup = systemLookup,
): Resolver {
  const { tags = [], filter, passing = false } = checkOptions(options, 'consulHttp') as ConsulHttpOptions;

  return {
    async resolve(
      given: ServiceName | string,
      { signal, after, background }: ResolveOptions = {},
    ): Promise<Resolution> {
      const name = typeof given === 'string' ? parseServiceName(given) : given;
      const question = healthQuestion(name, tags);
      const query = { ...question.query, filter, passing };
      const pace = new Pace(http.clock, forNothing);
      let seen = question.blocks ? seenList(after) : undefined;
      for (;;) {
        const began = http.clock.now();
        const asked = { index: seen?.index, query, signal, background };
        const response = await changed<Body>(http, question.path, asked).catch((error) => {
          throw notThere(error, name, question, http) ?? error;
        });
        const entries = entriesOf(response.body);
        const list = listed(entries.map(instanceOf), question);
        const state = fingerprint(list);
        if (seen?.state !== state) {
          const index = nextIndex(seen?.index, response.index);
          const named = question.blocks && response.index !== undefined;
          const token = named ? tokenOf({ index, state }) : undefined;
          const elapsed = http.clock.now() - began;
          return found(list, entries.length, { name, token, elapsed, response });
        }
        seen = { index: nextIndex(seen.index, response.index), state };
        const rest = pace.next();
        if (rest > 0) await http.pause(rest, signal);
      }
    },
  };

  async function found(
    list: readonly Listed[],
    all: number,
    {
      name,
      token,
      elapsed,
      response,
    }: { name: ServiceName; token: string | undefined; elapsed: number; response: ConsulResponse<Body> },
  ): Promise<Resolution> {
    const { addresses, unresolved } = await addressesOf(list, lookup, http.clock);
    if (addresses.length === 0) {
      const who = `${canonicalName(name)}: Consul at ${http.address}`;
      if (unresolved.length > 0) {
        throw new DiscoveryError(
          'ERR_UNREACHABLE',
          `${who} lists instances whose addresses could not be resolved just now: ${unresolved.slice(0, 3).join(', ')}.`,
        );
      }
      throw new ServiceNotFoundError(`${who} ${whyNone(list, all)}`, { token });
    }
    const doubtful = unresolved.length > 0;
    return {
      addresses,
      ttl: doubtful ? lastingInDoubt : (queryTtl(response.body) ?? lasting),
      complete: !doubtful,
      ...(doubtful && { omission: 0, unresolved: { targets: unresolved } }),
      ...(token !== undefined && { token }),
      origin: { server: http.address, elapsed },
    };
  }
}

function entriesOf(body: Body): readonly RawHealthEntry[] {
  return 'Nodes' in body ? (body.Nodes ?? []) : body;
}

function whyNone(list: readonly Listed[], all: number): string {
  if (list.length > 0)
    return `lists ${list.length} instance(s) under host names that do not exist: ${list[0]!.address} …`;
  if (all > 0) return `lists ${all} instance(s), none of them healthy and with a port that can be called.`;
  return 'lists no instance. No such service, tag or datacenter; none registered; or the token may not read it (ACL).';
}

/** A prepared query that does not exist is an error to Consul; to who asks for a name it is "nothing there". */
function notThere(
  error: unknown,
  name: ServiceName,
  { blocks }: HealthQuestion,
  { address }: ConsulHttp,
): ServiceNotFoundError | undefined {
  if (blocks || !(error instanceof ConsulError) || error.status !== 404) return undefined;
  return new ServiceNotFoundError(
    `${canonicalName(name)}: Consul at ${address} knows no such prepared query, or the token may not read it (ACL).`,
    { cause: error },
  );
}

/** Of a prepared query, in ms; as by DNS 0 where it has none. */
function queryTtl(body: Body): number | undefined {
  if (!('Nodes' in body)) return undefined;
  const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };
  let sum = 0;
  for (const [, amount, unit] of (body.DNS?.TTL ?? '').matchAll(/([\d.]+)(h|ms|m|s)/g))
    sum += Number(amount) * units[unit!]!;
  return sum;
}
