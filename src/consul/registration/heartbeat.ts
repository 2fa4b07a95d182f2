import type { TimerHandle } from '../../clock.ts';
import { ConsulError } from '../../errors.ts';
import type { ConsulHttp } from '../http.ts';
import { inPath } from '../path.ts';
import { retryDelay } from '../retry-delay.ts';
import { type Health, type HealthStatus, health } from './health-check.ts';
import type { Beating } from './service-body.ts';

export interface HeartbeatEvents {
  /** Consul has no such check, so it has forgotten the instance. */
  onForgotten(error: unknown): void;
  onFailure(error: unknown): void;
  onStatusFailed(error: unknown): void;
}

/** Consul cuts it off there. */
const longestOutput = 4_096;

/** Keeps one TTL check alive: three times within each TTL, so that two may be lost. Never keeps the process alive. */
export class Heartbeat {
  readonly #http: ConsulHttp;
  readonly #beating: Beating;
  readonly #events: HeartbeatEvents;
  #timer: TimerHandle | undefined;
  #busy = false;
  #failures = 0;
  #stopped = false;
  #last: HealthStatus | undefined;

  constructor(http: ConsulHttp, beating: Beating, events: HeartbeatEvents) {
    this.#http = http;
    this.#beating = beating;
    this.#events = events;
  }

  get checkId(): string {
    return this.#beating.checkId;
  }

  /** What to register it with. Where a function decides, and was not asked yet, nothing. */
  get status(): HealthStatus | undefined {
    return this.#beating.check.status === undefined ? 'passing' : this.#last;
  }

  /** Now, and from then on by itself. */
  beat(): void {
    if (this.#busy) return;
    this.#http.clock.clearTimeout(this.#timer);
    void this.#send();
  }

  stop(): void {
    this.#stopped = true;
    this.#http.clock.clearTimeout(this.#timer);
  }

  async #send(): Promise<void> {
    const { checkId, check } = this.#beating;
    const usual = check.ttl / 3;
    let delay = usual;
    this.#busy = true;
    try {
      const { status, output } = await this.#health();
      if (this.#stopped) return;
      this.#last = status;
      await this.#http.requestInBackground('PUT', `/v1/agent/check/update/${inPath(checkId, 'check')}`, {
        body: { Status: status, Output: output },
        idempotent: true,
        timeout: Math.max(1_000, usual),
      });
      this.#failures = 0;
    } catch (error) {
      if (this.#stopped || this.#http.lifetime.aborted) return;
      delay = Math.min(retryDelay(this.#failures++), usual);
      if (isForgotten(error)) this.#events.onForgotten(error);
      else this.#events.onFailure(error);
    } finally {
      this.#busy = false;
    }
    if (this.#stopped) return;
    this.#timer = this.#http.clock.setTimeout(() => void this.#send(), delay);
  }

  async #health(): Promise<{ status: HealthStatus; output: string }> {
    try {
      const said: Health = (await this.#beating.check.status?.()) ?? 'passing';
      const { status, output = '' } = typeof said === 'string' ? { status: said } : said;
      return { status: health(status, 'status()'), output: String(output).slice(0, longestOutput) };
    } catch (error) {
      this.#events.onStatusFailed(error);
      return { status: 'critical', output: String(error).slice(0, longestOutput) };
    }
  }
}

/** 404, and from 1.8.7 a 500 of these words. */
function isForgotten(error: unknown): boolean {
  if (!(error instanceof ConsulError)) return false;
  return error.status === 404 || (error.status === 500 && /does not have associated TTL/.test(error.body));
}
