import type { Transport } from './reply.ts';
import { TYPES } from './wire.ts';

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

/** What is wrong at the moment; nothing by default. */
export interface Faults {
  servfail: boolean;
  refuse: boolean;
  drop: boolean;
  /** ms */
  delay: number;
  /** UDP queries still to be lost. */
  lose: number;
  corrupt: boolean;
  foreign: boolean;
  intercept: Intercept | undefined;
}

/** Sees each question first: bytes are sent as they are, 'drop' is silence, undefined lets Consul answer. */
export type Intercept = (question: DoubleQuery & { readonly request: Buffer }) => Buffer | 'drop' | undefined;

export function noFaults(): Faults {
  return {
    servfail: false,
    refuse: false,
    drop: false,
    delay: 0,
    lose: 0,
    corrupt: false,
    foreign: false,
    intercept: undefined,
  };
}

const NAMES = new Map<number, string>(Object.entries(TYPES).map(([name, type]) => [type, name]));

export function typeName(type: number): string {
  return NAMES.get(type) ?? `TYPE${type}`;
}

/** Faults on demand. Each holds until it is switched off. */
export interface DnsFaults {
  /** SERVFAIL at once, as from an agent that reaches no server. */
  servfail(on: boolean): void;
  /** REFUSED, as for a name of another domain. */
  refuse(on: boolean): void;
  /** No reply at all; TCP connections stay open. */
  drop(on: boolean): void;
  /** Holds each reply back by so many ms; over TCP those behind it, too. */
  delay(ms: number): void;
  /** The next `count` UDP questions get no reply. */
  loseNext(count: number): void;
  /** Over UDP, malformed packets come before each reply. */
  corrupt(on: boolean): void;
  /** Over UDP, replies to other questions come before each reply: wrong id, name, type or letter case. */
  foreign(on: boolean): void;
  /** Closes or reopens the UDP port. */
  udp(on: boolean): Promise<void>;
  /** Closes or reopens the TCP port; closing breaks the connections. */
  tcp(on: boolean): Promise<void>;
  /** Before any other fault; undefined ends it. */
  intercept(see: Intercept | undefined): void;
}

/** The switches of `faults`, and of the two sockets. */
export function faultControl(faults: Faults, sockets: Record<Transport, Switch>): DnsFaults {
  return {
    servfail: (on) => {
      faults.servfail = on;
    },
    refuse: (on) => {
      faults.refuse = on;
    },
    drop: (on) => {
      faults.drop = on;
    },
    delay: (ms) => {
      faults.delay = ms;
    },
    loseNext: (count) => {
      faults.lose = count;
    },
    corrupt: (on) => {
      faults.corrupt = on;
    },
    foreign: (on) => {
      faults.foreign = on;
    },
    udp: (on) => sockets.udp(on),
    tcp: (on) => sockets.tcp(on),
    intercept: (see) => {
      faults.intercept = see;
    },
  };
}

type Switch = (on: boolean) => Promise<void>;
