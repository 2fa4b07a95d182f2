import { ConsulError } from '../../errors.ts';
import type { ConsulHttp } from '../http.ts';
import { inPath } from '../path.ts';
import { neverSent } from '../unheard.ts';

/** Of /v1/agent/service/:id. */
export interface RawService {
  readonly Service: string;
  readonly Port: number;
  readonly Address: string;
}

/** What can be said to the agent about one service. All of it may be said twice. Nothing keeps the process alive. */
export class AgentService {
  readonly #http: ConsulHttp;
  readonly #id: string;
  #mayCome = false;

  constructor(http: ConsulHttp, id: string) {
    this.#http = http;
    this.#id = id;
  }

  /** A registration was sent that nobody answered: it may be heard yet, also after an end that is said later. */
  get mayCome(): boolean {
    return this.#mayCome;
  }

  async register(body: object, signal?: AbortSignal): Promise<void> {
    try {
      await this.#http.requestInBackground('PUT', '/v1/agent/service/register', {
        // Otherwise Consul leaves checks of an earlier life, among them maintenance mode, on who is new.
        query: { 'replace-existing-checks': 'true' },
        body,
        idempotent: true,
        signal,
      });
    } catch (error) {
      if (!(error instanceof ConsulError) && !neverSent(Object(error).cause)) this.#mayCome = true;
      throw error;
    }
  }

  /** `undefined` where the agent does not know it. */
  async find(signal: AbortSignal): Promise<RawService | undefined> {
    const { status, body } = await this.#http.requestInBackground<RawService>('GET', this.#path(''), {
      accept: [404],
      signal,
    });
    if (status === 404) return undefined;
    this.#mayCome = false;
    return body;
  }

  /** `undefined` ends maintenance mode. @throws ConsulError 404 where the agent does not know it. */
  async maintain(reason: string | undefined, signal?: AbortSignal): Promise<void> {
    await this.#http.requestInBackground('PUT', this.#path('maintenance/'), {
      query: reason === undefined ? { enable: 'false' } : { enable: 'true', reason },
      idempotent: true,
      signal,
    });
  }

  /** Also where the agent does not know it: 404, and 200 from 1.8.7. */
  async deregister(signal: AbortSignal | undefined, timeout?: number): Promise<void> {
    await this.#http.requestInBackground('PUT', this.#path('deregister/'), {
      accept: [404],
      idempotent: true,
      signal,
      ...(timeout !== undefined && { timeout }),
    });
  }

  #path(what: '' | 'deregister/' | 'maintenance/'): string {
    return `/v1/agent/service/${what}${inPath(this.#id, 'register.id')}`;
  }
}
