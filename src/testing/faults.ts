import type { Transport } from './reply.ts';
import { TYPES } from './wire.ts';
import type { Acl } from './world.ts';

/** A question as the double got it. */
export interface DoubleQuery {
  /** As spelt, letter case included. */
  readonly name: string;
  /** 'SRV', 'A' …; for a type without a name here, 'TYPE65' and the like. */
  readonly type: string;
  readonly transport: Transport;
  /** The UDP size the question advertised; undefined without an OPT record. */
  readonly edns: number | undefined;
}

/** A question with all there is to see of it. */
export interface Intercepted extends DoubleQuery {
  readonly request: Buffer;
  /** The client's address and port. */
  readonly from: { readonly address: string; readonly port: number };
}

/** Sees each question first: bytes are sent as they are, 'drop' is silence, undefined lets Consul answer. */
export type Intercept = (question: Intercepted) => Buffer | readonly Buffer[] | 'drop' | undefined;

/** What is wrong at the moment; nothing by default. */
export interface Faults {
  /** Share of the questions, 0…1. */
  servfail: number;
  refuse: boolean;
  formerr: 'bare' | 'question' | false;
  nxdomain: boolean;
  drop: boolean;
  /** ms */
  delay: (question: DoubleQuery) => number;
  /** UDP queries still to be lost. */
  lose: number;
  truncate: boolean;
  unrelated: boolean;
  /** Further copies of each reply. */
  duplicate: number;
  /** ms after the reply. */
  late: number;
  corrupt: boolean;
  foreign: boolean;
  spoof: boolean;
  guess: number;
  only: ((question: DoubleQuery) => boolean) | undefined;
  intercept: Intercept | undefined;
  leader: boolean;
}

export function noFaults(): Faults {
  return {
    servfail: 0,
    refuse: false,
    formerr: false,
    nxdomain: false,
    drop: false,
    delay: () => 0,
    lose: 0,
    truncate: false,
    unrelated: false,
    duplicate: 0,
    late: 0,
    corrupt: false,
    foreign: false,
    spoof: false,
    guess: 0,
    only: undefined,
    intercept: undefined,
    leader: true,
  };
}

const NAMES = new Map<number, string>(Object.entries(TYPES).map(([name, type]) => [type, name]));

export function typeName(type: number): string {
  return NAMES.get(type) ?? `TYPE${type}`;
}

/** Faults on demand. Each holds until it is switched off, and each is off at first. */
export interface DnsFaults {
  /** SERVFAIL at once, as from an agent that reaches no server; a number is the share of questions it hits, 0…1 (F12.15). */
  servfail(on: boolean | number): void;
  /** REFUSED, as for a name of another domain. */
  refuse(on: boolean): void;
  /** FORMERR: 'bare', as Consul sends it, with nothing but the header; 'question', as others do, with the question. */
  formerr(shape: 'bare' | 'question' | false): void;
  /** NXDOMAIN for every name inside the domain, as from an agent whose token has expired into the anonymous one. */
  nxdomain(on: boolean): void;
  /** No reply at all; TCP connections stay open. */
  drop(on: boolean): void;
  /** Holds each reply back by so many ms, or by what the function says of its question; over TCP those behind it, too. */
  delay(ms: number | ((question: DoubleQuery) => number)): void;
  /** The next `count` UDP questions get no reply. */
  loseNext(count: number): void;
  /** Over UDP, replies say that they are truncated and have no answer at all, only the rest. */
  truncate(on: boolean): void;
  /** Replies end with records that have nothing to do with the question: 192.0.2.66 for names that are nobody's target. */
  unrelated(on: boolean): void;
  /** Over UDP, each reply comes so many times more. */
  duplicate(times: number): void;
  /** Over UDP, each reply comes again so many ms later, when its question may be long settled; 0 ends it. */
  late(ms: number): void;
  /** Over UDP, malformed packets come before each reply. */
  corrupt(on: boolean): void;
  /** Over UDP, replies to other questions come before each reply: wrong id, name, type or letter case. */
  foreign(on: boolean): void;
  /** Over UDP, a reply to this very question comes from another port before the reply, with an address nobody registered. */
  spoof(on: boolean): void;
  /** Over UDP, so many forged replies come before each reply, each right but for its id, as from someone who guesses. */
  guess(count: number): void;
  /** Closes or reopens the UDP port. */
  udp(on: boolean): Promise<void>;
  /** Closes or reopens the TCP port; closing breaks the connections. */
  tcp(on: boolean): Promise<void>;
  /**
   * false: the datacenter has no leader, and this agent's server never had contact to one, as after a restart.
   *
   * Questions that need a server are held for 7 to 20 s, most of them for less than 12 (1.8.7: 7 to 7.4 s), then fail. true:
   * one is elected. What was held notices at the end of its pause; what is asked from then on is answered at once (F5.26, F12.13).
   */
  leader(elected: boolean): void;
  /** The servers of this datacenter: SERVFAIL at once for its names; of the own one for all that needs a server (F5.7, F5.10). */
  unreachable(datacenter: string, on: boolean): void;
  /** What the agent's token lets it see: 'deny' is NXDOMAIN for all names, 'unknown-token' is SERVFAIL (F5.4, F5.5). */
  acl(policy: Acl): void;
  /** The faults of single replies, from `servfail` to `guess`, hit only questions this says yes to; undefined: all. */
  only(hit: ((question: DoubleQuery) => boolean) | undefined): void;
  /** Before any other fault; undefined ends it. */
  intercept(see: Intercept | undefined): void;
}
