import type { DnsReply } from './reply.ts';

/** Why one try brought no reply. Internal: the client turns it into a DnsError that lists every try. */
export class TryFailure extends Error {
  /** `guessed`: the socket was given up because somebody seems to be guessing at its questions. */
  readonly kind: 'timeout' | 'unreachable' | 'guessed';

  constructor(kind: TryFailure['kind'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** The system's word for it, with the words people know for the commonest. */
export function unreachable(error: NodeJS.ErrnoException): TryFailure {
  const words = error.code === 'ECONNREFUSED' ? 'connection refused' : (error.code ?? error.message);
  return new TryFailure('unreachable', words, { cause: error });
}

/**
 * Rejects the wait for a reply by UDP as soon as a message came that carries the question's id and is not its answer: a guess that
 * was half right, or a server that cannot answer this way. Time to ask in another way; the honest answer may still come in this one.
 */
export class Doubt extends Error {
  /** Goes on waiting, and settles as the wait it replaces would have: a reply, a TryFailure or the signal's reason. */
  readonly wait: Promise<DnsReply>;
  /** Ends that wait for good; it never settles then. */
  readonly leave: () => void;

  constructor(wait: Promise<DnsReply>, leave: () => void) {
    super('A message with the id of the question was not its answer.');
    this.wait = wait;
    this.leave = leave;
  }
}
