import type { Clock } from '../../clock.ts';

/** Codes of warnings about registrations; stable within a major version. */
export type RegistrationWarningCode =
  /** Consul cannot be reached, or refuses: the instance is not registered, or nobody knows. */
  | 'REGISTRATION_FAILED'
  /** The agent had forgotten it, as after a restart; it is being registered again. */
  | 'REGISTRATION_LOST'
  /** Somebody else registered another instance under this id: this one is kept up no longer. */
  | 'REGISTRATION_REPLACED'
  /** Another agent answers at the same address. */
  | 'AGENT_CHANGED'
  | 'DEREGISTRATION_FAILED'
  /** A process that died had left an instance at the same address and port; it was taken back. */
  | 'LEFTOVER_REMOVED'
  /** A check's `status()` threw. */
  | 'STATUS_FAILED'
  /** An `onWarning`, a subscriber or `finish` threw. */
  | 'LISTENER_FAILED';

/** Something an operator should know and a program need not handle. */
export interface RegistrationWarning {
  readonly code: RegistrationWarningCode;
  readonly message: string;
  readonly service: string;
  readonly id: string;
  readonly cause?: unknown;
}

export type WarningSink = (warning: RegistrationWarning) => void;

/** Says each thing once: again only after it was over. */
export class Notices {
  readonly #subject: { readonly service: string; readonly id: string };
  readonly #sink: WarningSink;
  readonly #standing = new Set<RegistrationWarningCode>();

  constructor(subject: { readonly service: string; readonly id: string }, sink: WarningSink) {
    this.#subject = subject;
    this.#sink = sink;
  }

  once(code: RegistrationWarningCode, message: string, cause?: unknown): void {
    if (this.#standing.has(code)) return;
    this.#standing.add(code);
    this.say(code, message, cause);
  }

  over(code: RegistrationWarningCode): void {
    this.#standing.delete(code);
  }

  say(code: RegistrationWarningCode, message: string, cause?: unknown): void {
    const warning = { code, message, ...this.#subject, ...(cause !== undefined && { cause }) };
    try {
      this.#sink(warning);
    } catch (error) {
      emit({ ...warning, code: 'LISTENER_FAILED', message: `onWarning threw: ${String(error)}` });
    }
  }
}

/** An agent that restarts is one event, however many instances it forgets. */
const quiet = 10_000;

/** Where nobody listens: process.emitWarning, of each code one in 10 s. */
export function processWarnings(clock: Clock): WarningSink {
  const said = new Map<RegistrationWarningCode, number>();
  return (warning) => {
    const before = said.get(warning.code);
    if (before !== undefined && clock.now() - before < quiet) return;
    said.set(warning.code, clock.now());
    emit(warning);
  };
}

function emit({ code, message }: RegistrationWarning): void {
  process.emitWarning(message, { type: 'DiscoveryWarning', code });
}
