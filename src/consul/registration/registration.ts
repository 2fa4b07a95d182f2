import type { Registered } from './registry.ts';

/** An instance that is registered, and kept so until `deregister()`. */
export interface Registration extends Registered, AsyncDisposable {
  readonly name: string;
  readonly id: string;
  /** `undefined` where it is left to Consul. */
  readonly address: string | undefined;
  readonly port: number;
  readonly state: RegistrationState;
  /** Why the state is not `registered`; `undefined` where it is. */
  readonly error: unknown;
  /** Calls `listener` after each change of `state`. Returns the way to stop it. */
  subscribe(listener: (state: RegistrationState) => void): () => void;
  /**
   * Nobody is to call it any more, until `resume()`: maintenance mode, which also holds when the agent forgets it.
   *
   * @throws as `request()`; failures of the agent are waited out for up to `timeout` (default 10 000 ms).
   */
  maintenance(reason?: string, options?: LeaveOptions): Promise<void>;
  resume(options?: LeaveOptions): Promise<void>;
  /** Maintenance mode, `grace` ms (default 6 000) for callers to notice, and deregistered. An abort cuts the grace short. */
  drain(options?: DrainOptions): Promise<void>;
  /**
   * Takes it back; from then on nothing of us renews it. Idempotent; after a failure it may be called again.
   *
   * @throws as `request()`; failures of the agent are waited out for up to `timeout` (default 30 000 ms).
   */
  deregister(options?: LeaveOptions): Promise<void>;
}

export interface LeaveOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds to go on trying while the agent cannot be reached. */
  readonly timeout?: number;
}

export interface DrainOptions {
  /** Milliseconds, 0…3 600 000. */
  readonly grace?: number;
  readonly reason?: string;
  readonly signal?: AbortSignal;
  /** Milliseconds each for the agent to hear of maintenance and of the end. */
  readonly timeout?: number;
}

export type RegistrationState =
  /** The agent has it. */
  | 'registered'
  /** The agent did not answer, or not as it should, when it was last asked. */
  | 'unconfirmed'
  /** The agent has forgotten it, and is told again. */
  | 'renewing'
  /** Another instance was registered under its id, and it is kept up no longer. */
  | 'replaced'
  | 'deregistering'
  | 'deregistered'
  /** The client was closed before: it is left in Consul as it was. */
  | 'abandoned';
