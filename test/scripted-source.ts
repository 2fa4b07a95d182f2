import { DnsError, ServiceNotFoundError } from '../src/errors.ts';
import type { Resolution, ResolveOptions, Resolver } from '../src/resolver/resolver.ts';
import { address } from './lists.ts';

export interface ScriptedSource extends Resolver {
  /** What is answered from now on: letters of addresses, a resolution, or an error. */
  answer: string | Partial<Resolution> | Error;
  /** Every question so far. */
  readonly asked: ResolveOptions[];
  /** Holds answers back until it is called. */
  hold(): () => void;
}

export const unreachable = () => new DnsError('ERR_UNREACHABLE', 'No answer: connection refused.', []);
export const notFound = () => new ServiceNotFoundError('web.service.consul: NXDOMAIN');

/** A source that says what it is told to, as often as it is asked. */
export function scriptedSource(first: ScriptedSource['answer'] = 'abc', ttl = 10_000): ScriptedSource {
  let gate: Promise<void> | undefined;
  const source: ScriptedSource = {
    answer: first,
    asked: [],
    hold() {
      let open = () => {};
      gate = new Promise((resolve) => {
        open = () => {
          gate = undefined;
          resolve();
        };
      });
      return open;
    },
    async resolve(_name, options = {}) {
      (source.asked as ResolveOptions[]).push(options);
      await gate;
      const { answer } = source;
      if (answer instanceof Error) throw answer;
      const given =
        typeof answer === 'string' ? { addresses: [...answer].map((letter) => address(letter)) } : answer;
      return { addresses: [], ttl, complete: true, ...given };
    },
  };
  return source;
}
