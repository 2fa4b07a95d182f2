import { afterEach, describe, expect, it } from 'vitest';
import { ConsulHttp } from '../../src/consul/http.ts';
import { type ConsulHttpOptions, httpResolver } from '../../src/consul/http-resolver.ts';
import { completeConsul } from '../../src/consul/options.ts';
import type { ServiceName } from '../../src/dns/name.ts';
import type { HostLookup } from '../../src/resolver/host-addresses.ts';
import type { Resolution, ResolveOptions } from '../../src/resolver/resolver.ts';
import { createFakeClock } from '../../src/testing/fake-clock.ts';
import { type EntryOptions, entry } from './health-entries.ts';
import { type Asked, type Said, ScriptedAgent, until } from './scripted-agent.ts';

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

/** Names as they are written too, as those do who use no discovery. */
interface Asking {
  resolve(name: ServiceName | string, options?: ResolveOptions): Promise<Resolution>;
}

/** A Consul of which a test says what it lists, and when a blocking query ends. */
async function world(options: ConsulHttpOptions = {}, lookup?: HostLookup) {
  const clock = createFakeClock();
  let entries: readonly EntryOptions[] = [{}];
  let index = 10;
  let next: Said | undefined;
  const held: (() => void)[] = [];
  const isHeld = ({ url }: Asked) => Number(/[?&]index=(\d+)/.exec(url)?.[1] ?? 0) === index;
  const agent = await ScriptedAgent.start(async (asked) => {
    if (next === undefined && isHeld(asked)) await new Promise<void>((resolve) => held.push(resolve));
    const said = next ?? { index, body: entries.map(entry) };
    next = undefined;
    return said;
  });
  const http = new ConsulHttp(completeConsul({ address: agent.address, retries: 0 }, {}), clock);
  const resolver: Asking = httpResolver(http, options, lookup);
  open.push(
    () => http.close(),
    async () => {
      for (const go of held.splice(0)) go();
      await agent.close();
    },
  );
  return {
    clock,
    agent,
    http,
    resolver,
    held,
    /** What the catalogue has from now on; who waits is told. */
    become(now: readonly EntryOptions[], at = index + 1) {
      entries = now;
      index = at;
      for (const go of held.splice(0)) go();
    },
    /** The next answer, whatever is asked. */
    say(said: Said) {
      next = said;
      for (const go of held.splice(0)) go();
    },
    queries: () => agent.asked.map(({ url }) => new URL(url, agent.address).searchParams),
  };
}

const hosts = ({ addresses }: { addresses: readonly { host: string; port: number }[] }) =>
  addresses.map(({ host, port }) => `${host}:${port}`);

describe('a list of consulHttp', () => {
  it('shows all that Consul knows of an instance and a caller may want', async () => {
    const { resolver, become, http } = await world();
    become([{ address: '10.0.0.1', port: 80, tags: ['v1'], meta: { a: '1' }, weights: [5, 2] }]);
    expect(await resolver.resolve('web')).toEqual({
      addresses: [
        {
          host: '10.0.0.1',
          port: 80,
          priority: 1,
          weight: 5,
          node: 'n1',
          datacenter: 'dc1',
          tags: ['v1'],
          meta: { a: '1' },
        },
      ],
      ttl: 60_000,
      complete: true,
      token: expect.stringMatching(/^11\./),
      origin: { server: http.address, elapsed: 0 },
    });
  });

  it('keeps those that warn, with that weight, and leaves out what is critical or in maintenance', async () => {
    const { resolver, become } = await world();
    become([
      { port: 1, weights: [10, 3] },
      { port: 2, weights: [10, 3], status: 'warning' },
      { port: 3, status: 'critical' },
      { port: 4, nodeStatus: 'critical' },
      { port: 5, weights: [10, 0], nodeStatus: 'warning' },
      { port: 6, maintenance: true },
      { port: 7, status: 'of another time' },
    ]);
    const { addresses } = await resolver.resolve('web');
    expect(addresses.map(({ port, weight }) => [port, weight])).toEqual([
      [1, 10],
      [2, 3],
      [5, 0],
    ]);
  });

  it('takes the node for an instance without an address, spells IPv6 in one way, and leaves out what has no port', async () => {
    const { resolver, become } = await world();
    become([
      { address: '', port: 1 },
      { address: '2001:DB8:0::5', port: 2 },
      { address: '10.0.0.3', port: 0 },
      { address: '10.0.0.4', port: 70_000 },
      { address: '10.0.0.5', port: undefined },
    ]);
    expect(hosts(await resolver.resolve('web'))).toEqual(['10.9.9.9:1', '2001:db8::5:2']);
  });

  it('takes the named one of several ports, of the instances that have it', async () => {
    const { resolver, become } = await world();
    become([{ port: 80, ports: { http: 80, admin: 9090 } }, { port: 81, ports: { http: 81 } }, { port: 82 }]);
    expect(hosts(await resolver.resolve({ service: 'web', port: 'admin' }))).toEqual(['10.0.0.1:9090']);
    expect((await resolver.resolve('web')).addresses).toHaveLength(3);
    await expect(resolver.resolve({ service: 'web', port: 'grpc' })).rejects.toMatchObject({
      code: 'ERR_SERVICE_NOT_FOUND',
    });
  });

  it('does not take instances of ours for those of a peer, where an old agent does not know the difference', async () => {
    const { resolver, become, queries } = await world();
    become([{ port: 1 }, { port: 2, peer: 'east' }]);
    expect(hosts(await resolver.resolve({ service: 'web', peer: 'East' }))).toEqual(['10.0.0.1:2']);
    expect(queries()[0]?.get('peer')).toBe('East');
  });

  it.each([
    [{ service: 'web', tag: 'v1', datacenter: 'dc2' }, '/v1/health/service/web', { dc: 'dc2', tag: 'v1' }],
    [
      { service: 'web', namespace: 'n', partition: 'p' },
      '/v1/health/service/web',
      { ns: 'n', partition: 'p' },
    ],
    [{ service: 'a/b=c' }, '/v1/health/service/a%2Fb%3Dc', {}],
    [{ connect: 'web', datacenter: 'dc2' }, '/v1/health/connect/web', { dc: 'dc2' }],
    [{ ingress: 'web' }, '/v1/health/ingress/web', {}],
    ['v1.web.service.dc2.consul', '/v1/health/service/web', { dc: 'dc2', tag: 'v1' }],
  ] as const)('is asked for by %j as Consul wants it', async (name, path, query) => {
    const { resolver, agent, queries } = await world();
    await resolver.resolve(name);
    expect(agent.asked[0]?.url.split('?')[0]).toBe(path);
    expect(Object.fromEntries(queries()[0]!)).toEqual({ ...query, stale: '' });
  });

  it('asks for several tags, a filter and passing ones only, where that is wanted', async () => {
    const { resolver, queries } = await world({
      tags: ['a', 'b'],
      filter: 'Service.Meta.v == "2"',
      passing: true,
    });
    await resolver.resolve({ service: 'web', tag: 'c' });
    expect([...queries()[0]!]).toEqual([
      ['stale', ''],
      ['tag', 'c'],
      ['tag', 'a'],
      ['tag', 'b'],
      ['filter', 'Service.Meta.v == "2"'],
      ['passing', ''],
    ]);
  });

  it.each([{ node: 'n1' }, { addr: '10.0.0.1' }, { virtual: 'web' }])(
    'is not to be had for %j: that is said before anything is asked',
    async (name) => {
      const { resolver, agent } = await world();
      await expect(resolver.resolve(name)).rejects.toMatchObject({ code: 'ERR_INVALID_NAME' });
      expect(agent.asked).toEqual([]);
    },
  );

  it.each([
    [{ tag: 'v1' }, 'consulHttp: unknown option "tag"'],
    [{ tags: 'v1' }, 'consulHttp.tags: expected a list of tags'],
    [{ filter: '' }, 'consulHttp.filter: expected'],
    [{ passing: 1 }, 'consulHttp.passing: expected true or false'],
  ])('refuses the options %j', (options, message) => {
    expect(() => httpResolver({} as never, options as never)).toThrowError(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining(message) }),
    );
  });

  it.each([
    [[], 'lists no instance'],
    [[{ status: 'critical' }, { port: 0 }], 'lists 2 instance(s), none of them healthy and with a port'],
  ])(
    'is an error that says why, and can be waited for to end, where there is none: %j',
    async (none, why) => {
      const { resolver, become } = await world();
      become(none);
      const error = await resolver.resolve('web').catch((thrown) => thrown);
      expect(error).toMatchObject({
        code: 'ERR_SERVICE_NOT_FOUND',
        token: expect.stringMatching(/^11\./),
        message: expect.stringContaining(why),
      });
    },
  );

  it('is a typed failure where Consul refuses or breaks', async () => {
    const { resolver, say, agent } = await world();
    say({ status: 500, body: 'No path to datacenter' });
    await expect(resolver.resolve('web')).rejects.toMatchObject({ code: 'ERR_CONSUL', status: 500 });
    say({ status: 403, body: 'ACL not found' });
    await expect(resolver.resolve('web')).rejects.toMatchObject({ code: 'ERR_CONSUL', status: 403 });
    await agent.close();
    await expect(resolver.resolve('web')).rejects.toMatchObject({ code: 'ERR_UNREACHABLE' });
  });
});

describe('a prepared query of consulHttp', () => {
  const answer = (ttl: string) => ({
    body: { Nodes: [{ port: 2 }, { port: 1 }, { port: 3, status: 'warning' }].map(entry), DNS: { TTL: ttl } },
    index: 1,
  });

  it('is run anew when its own TTL is over, and is not waited for', async () => {
    const { resolver, say, agent } = await world();
    say(answer('1m30s'));
    const resolution = await resolver.resolve({ query: 'nearest' });
    expect(resolution).toMatchObject({ ttl: 90_000 });
    expect(resolution).not.toHaveProperty('token');
    expect(resolution.addresses[0]).not.toHaveProperty('rank');
    expect(agent.asked[0]?.url).toBe('/v1/query/nearest/execute?stale');
    say(answer(''));
    expect(await resolver.resolve({ query: 'nearest' }, { after: '1.abc' })).toMatchObject({ ttl: 0 });
    expect(agent.asked[1]?.url).not.toContain('index');
  });

  it('keeps its order where that is wanted', async () => {
    const { resolver, say } = await world();
    say(answer('0s'));
    const { addresses } = await resolver.resolve({ query: 'nearest', ordered: true });
    expect(addresses.map(({ port, rank }) => [port, rank])).toEqual([
      [2, 0],
      [1, 1],
      [3, 2],
    ]);
  });

  it('that does not exist has no instance', async () => {
    const { resolver, say } = await world();
    say({ status: 404, body: 'Query not found' });
    await expect(resolver.resolve({ query: 'nope' })).rejects.toMatchObject({
      code: 'ERR_SERVICE_NOT_FOUND',
    });
  });
});

describe('waiting for another list', () => {
  it('holds the question for 4 minutes at most, and asks again with the same index', async () => {
    const { resolver, held, queries, clock, say, become } = await world();
    const { token } = await resolver.resolve('web');
    const waiting = resolver.resolve('web', { after: token });
    await until(() => held.length === 1);
    expect(Object.fromEntries(queries()[1]!)).toEqual({ stale: '', index: '10', wait: '240000ms' });
    await clock.advance(240_000);
    say({ index: 10, body: [entry({})] });
    await until(() => held.length === 1);
    expect(queries()[2]?.get('index')).toBe('10');
    become([{ port: 99 }]);
    expect(hosts(await waiting)).toEqual(['10.0.0.1:99']);
  });

  it('is not over where only the index changed, or what no list shows', async () => {
    const { resolver, held, become, agent, clock } = await world();
    const { token } = await resolver.resolve('web');
    let over = false;
    const waiting = resolver.resolve('web', { after: token }).finally(() => {
      over = true;
    });
    await until(() => held.length === 1);
    for (const now of [
      [{}],
      [{ output: 'checked at noon' }],
      [{}, { port: 5, status: 'critical' }],
      [{ id: 'another' }],
    ]) {
      become(now);
      await clock.advance(200);
      await until(() => held.length === 1);
    }
    expect([over, agent.asked.length]).toEqual([false, 6]);
    become([{}, { port: 5 }]);
    expect(hosts(await waiting)).toEqual(['10.0.0.1:80', '10.0.0.1:5']);
  });

  it.each<[string, EntryOptions]>([
    ['a weight', { weights: [3, 1] }],
    ['a status, by that a weight', { status: 'warning', weights: [1, 2] }],
    ['a tag', { tags: ['v2'] }],
    ['a value of its meta', { meta: { a: '2' } }],
    ['a node', { node: 'n2' }],
    ['a port', { port: 81 }],
  ])('is over where %s of an instance changed', async (_what, now) => {
    const { resolver, held, become } = await world();
    const { token } = await resolver.resolve('web');
    const waiting = resolver.resolve('web', { after: token });
    await until(() => held.length === 1);
    become([now]);
    expect((await waiting).token).not.toBe(token);
  });

  it('is over where the last one leaves, and then where a first one comes', async () => {
    const { resolver, held, become } = await world();
    const { token } = await resolver.resolve('web');
    const end = resolver.resolve('web', { after: token }).catch((error) => error);
    await until(() => held.length === 1);
    become([]);
    const error = await end;
    expect(error).toMatchObject({ code: 'ERR_SERVICE_NOT_FOUND' });
    const first = resolver.resolve('web', { after: error.token });
    await until(() => held.length === 1);
    become([], 40);
    await until(() => held.length === 1);
    become([{ port: 7 }], 41);
    expect(hosts(await first)).toEqual(['10.0.0.1:7']);
  });

  it('sees what changed between two questions at once', async () => {
    const { resolver, become } = await world();
    const { token } = await resolver.resolve('web');
    become([{ port: 8 }]);
    expect(hosts(await resolver.resolve('web', { after: token }))).toEqual(['10.0.0.1:8']);
  });

  it('begins anew where the index goes backwards, as after a restart: with the list of then, or waiting on', async () => {
    const { resolver, held, become, queries, clock } = await world();
    become([{}], 5_000);
    const { token } = await resolver.resolve('web');
    const waiting = resolver.resolve('web', { after: token });
    await until(() => held.length === 1);
    // The same list by a catalogue that counts from the start: the next question is put without an index.
    become([{}], 3);
    await clock.advance(0);
    await until(() => held.length === 1);
    expect(queries().map((query) => query.get('index'))).toEqual([null, '5000', null, '3']);
    become([{ port: 9 }], 2);
    const resolution = await waiting;
    expect(hosts(resolution)).toEqual(['10.0.0.1:9']);
    // It goes on from there without an index too.
    expect(resolution.token).toMatch(/^0\./);
    const further = resolver.resolve('web', { after: resolution.token });
    await until(() => held.length === 1);
    expect(
      queries()
        .slice(-2)
        .map((query) => query.get('index')),
    ).toEqual([null, '2']);
    become([{ port: 10 }], 3);
    expect(hosts(await further)).toEqual(['10.0.0.1:10']);
  });

  it('reads an index of 0 as 1, which blocks', async () => {
    const { resolver, say, become, queries } = await world();
    say({ index: 0, body: [entry({})] });
    const { token } = await resolver.resolve('web');
    expect(token).toMatch(/^1\./);
    become([{ port: 4 }]);
    expect(hosts(await resolver.resolve('web', { after: token }))).toEqual(['10.0.0.1:4']);
    expect(queries()[1]?.get('index')).toBe('1');
  });

  it('answers now for a token that is none of ours, and where Consul names no state', async () => {
    const { resolver, say, agent } = await world();
    for (const after of ['', '7', 'x.y', '1.a b', '1'.repeat(16)]) {
      await resolver.resolve('web', { after });
      expect(agent.asked.at(-1)?.url).not.toContain('index');
    }
    say({ body: [entry({})] });
    expect(await resolver.resolve('web')).not.toHaveProperty('token');
  });

  it('asks for nothing 5 times a second at most, however fast the index runs', async () => {
    const { resolver, agent, clock } = await world();
    let index = 100;
    agent.script = () => ({ index: ++index, body: [entry({})] });
    const { token } = await resolver.resolve('web');
    const leaver = new AbortController();
    const waiting = resolver.resolve('web', { after: token, signal: leaver.signal }).catch((error) => error);
    for (let i = 0; i < 300; i++) {
      await clock.advance(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(agent.asked.length).toBeGreaterThan(30);
    expect(agent.asked.length).toBeLessThan(12 + 5 * 30);
    leaver.abort(new Error('enough'));
    expect(await waiting).toMatchObject({ message: 'enough' });
  });

  it('ends at once where the caller leaves or the client is closed, and leaves no connection held', async () => {
    const { resolver, held, http, agent } = await world();
    const { token } = await resolver.resolve('web');
    const leaver = new AbortController();
    const left = resolver.resolve('web', { after: token, signal: leaver.signal }).catch((error) => error);
    await until(() => held.length === 1);
    leaver.abort(new Error('enough'));
    expect(await left).toMatchObject({ message: 'enough' });
    const ended = resolver.resolve('web', { after: token }).catch((error) => error);
    await until(() => held.length === 2);
    await http.close();
    expect(await ended).toMatchObject({ code: 'ERR_CLOSED' });
    await until(() => agent.openConnections === 0);
  });

  it('fails where Consul breaks the question off', async () => {
    const { resolver, held, agent, say } = await world();
    const { token } = await resolver.resolve('web');
    const waiting = resolver.resolve('web', { after: token }).catch((error) => error);
    await until(() => held.length === 1);
    agent.breakConnections();
    expect(await waiting).toMatchObject({ code: 'ERR_UNREACHABLE' });
    held.pop()?.();
    await new Promise((resolve) => setImmediate(resolve));
    say({ status: 500, body: 'rpc error making call: EOF' });
    await expect(resolver.resolve('web', { after: token })).rejects.toMatchObject({ status: 500 });
  });
});

describe('an instance under a host name', () => {
  const lookup: HostLookup = async (host) => {
    if (host === 'two.example') return ['10.1.0.1', '2001:DB8::1', '10.1.0.1'];
    const code = host === 'gone.example' ? 'ENOTFOUND' : 'EAI_AGAIN';
    throw Object.assign(new Error(`getaddrinfo ${code} ${host}`), { code });
  };

  it('is each of its addresses, which share its weight; the name is kept for TLS', async () => {
    const { resolver, become } = await world({}, lookup);
    become([{ address: 'Two.example', weights: [9, 1] }]);
    const { addresses, complete } = await resolver.resolve('web');
    expect(
      addresses.map(({ host, weight, serverName, target }) => [host, weight, serverName, target]),
    ).toEqual([
      ['10.1.0.1', 5, 'two.example', 'two.example'],
      ['2001:db8::1', 5, 'two.example', 'two.example'],
    ]);
    expect(complete).toBe(true);
  });

  it('that nobody could be asked for keeps the list: it is incomplete, and says by what', async () => {
    const { resolver, become } = await world({}, lookup);
    become([{}, { address: 'flaky.example' }, { address: 'gone.example' }]);
    expect(await resolver.resolve('web')).toMatchObject({
      addresses: [{ host: '10.0.0.1' }],
      complete: false,
      omission: 0,
      unresolved: { targets: ['flaky.example'] },
      ttl: 5_000,
    });
  });

  it('is a failure and no emptiness where all of them are such, and emptiness where none exists', async () => {
    const { resolver, become } = await world({}, lookup);
    become([{ address: 'flaky.example' }]);
    await expect(resolver.resolve('web')).rejects.toMatchObject({ code: 'ERR_UNREACHABLE' });
    become([{ address: 'gone.example' }]);
    await expect(resolver.resolve('web')).rejects.toMatchObject({
      code: 'ERR_SERVICE_NOT_FOUND',
      message: expect.stringContaining('gone.example'),
    });
  });

  it('is waited for 5 s, not longer', async () => {
    const { resolver, become, clock } = await world({}, () => new Promise(() => {}));
    become([{}, { address: 'slow.example' }]);
    const found = resolver.resolve('web');
    await until(() => clock.pending > 0);
    while ((await Promise.race([found, clock.advance(500)])) === undefined);
    expect(await found).toMatchObject({ unresolved: { targets: ['slow.example'] } });
  });
});
