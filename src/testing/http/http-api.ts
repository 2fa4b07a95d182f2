import type { Clock } from '../../clock.ts';
import type { Random } from '../../random.ts';
import type { Catalogue } from '../catalogue.ts';
import type { Settings } from '../settings.ts';
import type { Access } from '../world.ts';
import { agentCheckRoutes, agentServiceRoutes } from './agent-endpoints.ts';
import { catalogRoutes } from './catalog-endpoints.ts';
import { catalogWriteRoutes } from './catalog-writes.ts';
import type { Context } from './context.ts';
import { eventRoutes } from './event-endpoints.ts';
import { healthRoutes } from './health-endpoints.ts';
import { type HttpFaults, type HttpRequest, httpFaultControl, noHttpFaults } from './http-faults.ts';
import { httpListener } from './http-server.ts';
import { kvRoutes } from './kv-endpoints.ts';
import { LocalAgent } from './local-agent.ts';
import { httpResponder } from './responder.ts';
import type { Routes } from './router.ts';
import { sessionRoutes } from './session-endpoints.ts';
import { shapesOf } from './shapes.ts';
import { statusRoutes } from './status-endpoints.ts';
import { Stores } from './stores.ts';

export interface HttpApiOptions {
  host: string;
  settings: Settings;
  catalogue: Catalogue;
  clock: Clock;
  random: Random;
  access: Access;
  token: string | undefined;
}

/** The HTTP half of the double. */
export interface HttpApi {
  readonly faults: HttpFaults;
  readonly requests: readonly HttpRequest[];
  clearRequests(): void;
  /** Which port it got; the agent's checks run from then on. */
  open(port: number): Promise<number>;
  /** The port and the checks rest; what is registered stays. */
  close(): Promise<void>;
  /** Of the sessions too. */
  end(): Promise<void>;
}

export function createHttpApi(options: HttpApiOptions): HttpApi {
  const { host, settings, catalogue, clock, random, access, token } = options;
  const { indexes } = catalogue.store;
  const agent = new LocalAgent({ catalogue, clock, random });
  const stores = new Stores(catalogue, clock);
  const context: Context = {
    settings,
    catalogue,
    indexes,
    agent,
    stores,
    shapes: shapesOf(settings.version, settings.datacenter),
    clock,
    random,
    access,
    token,
    old: settings.version === '1.8.7',
  };
  const state = noHttpFaults();
  let requests: HttpRequest[] = [];
  let own = 0;
  const routes: Routes = {
    ...agentServiceRoutes(context),
    ...agentCheckRoutes(context),
    ...catalogRoutes(context),
    ...catalogWriteRoutes(context),
    ...healthRoutes(context),
    ...kvRoutes(context),
    ...sessionRoutes(context),
    ...eventRoutes(context),
    ...statusRoutes(context, state),
  };
  const respond = httpResponder(routes, context, state);
  const listener = httpListener({
    host,
    clock,
    faults: state,
    redirects: context.old ? 301 : 307,
    onRequest: (request) => requests.push(request),
    respond,
  });
  const close = async () => {
    agent.pause();
    await listener.close();
  };
  return {
    get requests() {
      return requests;
    },
    clearRequests: () => {
      requests = [];
    },
    open: async (port) => {
      own = await listener.open(port);
      agent.resume();
      return own;
    },
    close,
    end: async () => {
      stores.close();
      await close();
    },
    faults: httpFaultControl(state, clock, {
      down: async (on) => {
        await (on ? listener.close() : listener.open(own));
      },
      disconnect: listener.disconnect,
      forget: () => agent.forget(),
    }),
  };
}
