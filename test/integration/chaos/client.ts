import { type Dispatcher, request } from 'undici';
import { createDispatcher, type DispatcherOptions } from '../../../src/adapter/undici.ts';
import { createDiscovery, type Discovery, type DiscoveryOptions, type Service } from '../../../src/index.ts';
import { Load, type Reply } from './load.ts';

/** Requests per second. */
const rate = 300;
const host = 'web.service.consul';

export const retrying: DispatcherOptions = { retries: 2, retryOn: [502, 503, 504] };

/** A user's program: one discovery, one dispatcher, and GETs through it. */
export class Client {
  readonly discovery: Discovery;
  readonly #dispatcher: Dispatcher;

  constructor(
    dnsAddress: string,
    discovery: DiscoveryOptions = {},
    dispatcher: DispatcherOptions = retrying,
  ) {
    this.discovery = createDiscovery({ servers: [dnsAddress], onWarning: () => {}, ...discovery });
    this.#dispatcher = createDispatcher(this.discovery, dispatcher);
  }

  /** What the dispatcher's requests are balanced over. */
  get web(): Service {
    return this.discovery.service(host);
  }

  load(): Load {
    return new Load(rate, (n) => this.get(`/${n}`));
  }

  async get(path: string): Promise<Reply> {
    const { statusCode: status, body } = await request(`http://${host}${path}`, {
      dispatcher: this.#dispatcher,
    });
    const { id, url, host: shown } = (await body.json()) as { id: string; url: string; host: string };
    if (url !== path) throw new Error(`asked for ${path}, got the answer to ${url}`);
    if (shown !== host) throw new Error(`asked ${host}, which was told that it is ${shown}`);
    return { status, instance: id };
  }

  close(): Promise<void> {
    return this.discovery.close();
  }
}
