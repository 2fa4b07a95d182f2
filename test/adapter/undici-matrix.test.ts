import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDispatcher, createFetch, interceptor } from '../../src/adapter/undici.ts';
import { PeerError } from '../../src/index.ts';
import { readyWorld } from '../service-world.ts';
import { echo, type Instance, instances, listOf } from './undici-instances.ts';
import { loadable, majors, nodeMajor } from './undici-majors.ts';

/** What a caller learns of an answer, whichever way he asked. */
interface Answer {
  readonly status: number;
  readonly said: { method: string; url: string; headers: Record<string, string>; body: string; port: number };
}

type Ask = (url: string, init?: { method?: string; body?: string }) => Promise<Answer>;

type Fetching = (url: string, init?: object) => Promise<{ status: number; json(): Promise<unknown> }>;

const asking =
  (fetching: Fetching, more: object = {}): Ask =>
  async (url, init) => {
    const response = await fetching(url, { ...init, ...more });
    return { status: response.status, said: (await response.json()) as Answer['said'] };
  };

const globals = [Symbol.for('undici.globalDispatcher.1'), Symbol.for('undici.globalDispatcher.2')];
const settings = globalThis as unknown as Record<symbol, unknown>;
let before: unknown[] = [];
beforeEach(async () => {
  // Node's own fetch takes its dispatcher from there at its first use.
  await fetch('data:,').catch(() => {});
  before = globals.map((each) => settings[each]);
});
afterEach(() => {
  globals.forEach((each, i) => {
    if (before[i] !== undefined) settings[each] = before[i];
  });
});

describe.each(loadable)(`$name on Node ${nodeMajor}`, ({ undici }) => {
  async function world() {
    const three = await instances(3, echo);
    const { discovery, web } = await readyWorld({}, listOf(...three));
    return { three, discovery, web };
  }

  const ways: Record<string, (discovery: Awaited<ReturnType<typeof world>>['discovery']) => Ask> = {
    "undici's request with a dispatcher": (discovery) => {
      const dispatcher = createDispatcher(discovery, { undici });
      return async (url, init = {}) => {
        const { statusCode, body } = await undici.request(url, { ...(init as object), dispatcher });
        return { status: statusCode, said: (await body.json()) as Answer['said'] };
      };
    },
    "undici's stream with a dispatcher": (discovery) => {
      const dispatcher = createDispatcher(discovery, { undici });
      return async (url, { method = 'GET', body = null } = {}) => {
        const { Writable } = await import('node:stream');
        const chunks: Buffer[] = [];
        let status = 0;
        await undici.stream(url, { dispatcher, method: method as 'GET', body }, ({ statusCode }) => {
          status = statusCode;
          return new Writable({ write: (chunk, _, done) => done(void chunks.push(chunk) as never) });
        });
        return { status, said: JSON.parse(Buffer.concat(chunks).toString()) };
      };
    },
    "undici's fetch with a dispatcher": (discovery) =>
      asking(undici.fetch as Fetching, { dispatcher: createDispatcher(discovery, { undici }) }),
    'createFetch()': (discovery) => asking(createFetch(discovery, { undici }) as Fetching),
    'the global fetch with a dispatcher': (discovery) =>
      asking(fetch as Fetching, { dispatcher: createDispatcher(discovery, { undici }) }),
    'setGlobalDispatcher() and the global fetch': (discovery) => {
      undici.setGlobalDispatcher(createDispatcher(discovery, { undici }));
      return asking(fetch as Fetching);
    },
    "setGlobalDispatcher() and undici's fetch": (discovery) => {
      undici.setGlobalDispatcher(createDispatcher(discovery, { undici }));
      return asking(undici.fetch as Fetching);
    },
    "the interceptor in an Agent, undici's request": (discovery) => {
      const dispatcher = new undici.Agent().compose(interceptor(discovery, { undici }));
      return async (url, init = {}) => {
        const { statusCode, body } = await undici.request(url, { ...(init as object), dispatcher });
        return { status: statusCode, said: (await body.json()) as Answer['said'] };
      };
    },
    "the interceptor in an Agent, undici's fetch": (discovery) =>
      asking(undici.fetch as Fetching, {
        dispatcher: new undici.Agent().compose(interceptor(discovery, { undici })),
      }),
    'the interceptor in an Agent, the global fetch': (discovery) =>
      asking(fetch as Fetching, {
        dispatcher: new undici.Agent().compose(interceptor(discovery, { undici })),
      }),
    'the interceptor in the global dispatcher, the global fetch': (discovery) => {
      undici.setGlobalDispatcher(new undici.Agent().compose(interceptor(discovery, { undici })));
      return asking(fetch as Fetching);
    },
  };

  describe.each(Object.entries(ways))('%s', (_, way) => {
    it('balances over the instances, who see the name of the service', async () => {
      const { three, discovery } = await world();
      const ask = way(discovery);
      const answers: Answer[] = [];
      for (let i = 0; i < 6; i++) answers.push(await ask(`http://web.service.consul/users/${i}?all`));
      expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200));
      expect(answers.map(({ said }) => said.url)).toEqual(
        Array.from({ length: 6 }, (__, i) => `/users/${i}?all`),
      );
      expect(new Set(answers.map(({ said }) => said.headers.host))).toEqual(new Set(['web.service.consul']));
      expect(three.map(({ requests }) => requests)).toEqual([2, 2, 2]);
    });

    it('sends bodies, and says how it went', async () => {
      const { discovery, web } = await world();
      const { status, said } = await way(discovery)('http://web.service.consul/', {
        method: 'POST',
        body: 'hello',
      });
      expect(status).toBe(200);
      expect(said).toMatchObject({ method: 'POST', body: 'hello' });
      expect(web.stats().inFlight).toBe(0);
    });

    it('tries another instance where nobody listens', async () => {
      const { three, discovery } = await world();
      const [gone] = three as [Instance];
      gone.server.close();
      const ask = way(discovery);
      for (let i = 0; i < 6; i++) expect((await ask('http://web.service.consul/')).status).toBe(200);
    });

    it('leaves other hosts alone', async () => {
      const { three, discovery } = await world();
      const [one] = three as [Instance];
      const { said } = await way(discovery)(`http://localhost:${one.port}/`);
      expect(said.headers.host).toBe(`localhost:${one.port}`);
      expect(one.requests).toBe(1);
    });
  });
});

describe.each(majors.filter(({ undici }) => undici === undefined))(
  `$name on Node ${nodeMajor}`,
  ({ error }) => {
    it('does not load, which a PeerError says: test/package/undici-matrix.test.ts', () => {
      expect(error).toBeInstanceOf(TypeError);
    });
  },
);

describe('an undici that is given', () => {
  /** As far as undici 6 differs. */
  const six = { Pool: class {}, buildConnector: () => {}, Dispatcher: class {} };

  it.each([
    ['createDispatcher', createDispatcher],
    ['createFetch', createFetch],
    ['interceptor', interceptor],
  ])('%s refuses one that is older than 7, and what is none', async (_, make) => {
    const { discovery } = await readyWorld();
    expect(() => make(discovery, { undici: six })).toThrow(PeerError);
    expect(() => make(discovery, { undici: six })).toThrow(/older than 7/);
    for (const none of [{}, 'undici', 7, { default: {} }])
      expect(() => make(discovery, { undici: none })).toThrow(PeerError);
  });
});
