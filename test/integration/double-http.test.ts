import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConsulDouble, createConsulDouble } from '../../src/testing/consul-double.ts';
import { isMeasured } from '../../src/testing/versions.ts';
import type { Answer } from '../testing/http-requests.ts';
import { caller } from '../testing/http-requests.ts';
import { type Agent, describeWithConsul, startAgent } from './consul-agent.ts';

type Caller = ReturnType<typeof caller>;

let agent: Agent;
let double: ConsulDouble;
let real: Caller;
let ours: Caller;

describeWithConsul('the HTTP API of the double, against a real agent', () => {
  beforeAll(async () => {
    agent = await startAgent({ node: 'twin' });
    const { version } = agent;
    double = await createConsulDouble({ node: 'twin', version: isMeasured(version) ? version : '1.22.7' });
    real = caller(agent.httpAddress);
    ours = caller(double.httpAddress);
    await settled(
      '/v1/catalog/nodes',
      ({ json }) => json[0].TaggedAddresses !== null && 'consul-network-segment' in json[0].Meta,
    );
  });
  afterAll(async () => {
    await double?.close();
    await agent?.stop();
  });

  /** The same to both; the answers have to be the same but for what no two agents share. */
  const same = async (method: 'get' | 'put' | 'delete', path: string, body?: unknown) => {
    const ask = (to: Caller) => (method === 'put' ? to.put(path, body) : to[method](path));
    const [wanted, found] = [await ask(real), await ask(ours)];
    // In the order of a Go map, which is none.
    if (path.startsWith('/v1/catalog/services'))
      for (const { json } of [wanted, found])
        for (const tags of Object.values(json ?? {})) (tags as string[]).sort();
    expect({ path, ...comparable(found) }).toEqual({ path, ...comparable(wanted) });
    return { wanted, found };
  };
  /** The agent brings what is registered with it into the catalogue a little later. */
  const settled = async (path: string, is: (answer: Answer) => boolean) => {
    for (let tries = 0; tries < 400; tries++) {
      if (is(await real.get(path))) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`${path} did not settle`);
  };
  const instances = (name: string, count: number) =>
    settled(`/v1/health/service/${name}`, ({ json }) => json.length === count);
  const checkIs = (name: string, status: string) =>
    settled(`/v1/health/checks/${name}`, ({ json }) =>
      json.some((one: { Status: string }) => one.Status === status),
    );

  it('says the same of what is there at first', async () => {
    for (const path of [
      '/v1/agent/services',
      '/v1/agent/checks',
      '/v1/catalog/datacenters',
      '/v1/catalog/services',
      '/v1/catalog/nodes',
      '/v1/catalog/node/twin',
      '/v1/catalog/node-services/twin',
      '/v1/catalog/node/nope',
      '/v1/catalog/service/consul',
      '/v1/catalog/service/nope',
      '/v1/health/service/consul',
      '/v1/health/service/nope',
      '/v1/health/node/twin',
      '/v1/health/node/nope',
      '/v1/health/checks/nope',
      '/v1/health/state/any',
      '/v1/health/state/passing',
      '/v1/health/state/critical',
      '/v1/session/list',
      '/v1/event/list',
      '/v1/agent/members',
    ])
      await same('get', path);
  });

  it('agrees about itself', async () => {
    const [wanted, found] = [await real.get('/v1/agent/self'), await ours.get('/v1/agent/self')];
    expect(masked(found.json.Config)).toEqual(masked(wanted.json.Config));
    expect(masked(found.json.Member)).toEqual(masked(wanted.json.Member));
    expect(found.json.Meta).toEqual(wanted.json.Meta);
    for (const [key, value] of Object.entries(found.json.DebugConfig))
      if (key !== 'TaggedAddresses')
        expect([key, masked(value)]).toEqual([key, masked(wanted.json.DebugConfig[key])]);
  });

  it('has the same life of a service: register, heartbeats, maintenance, deregister', async () => {
    const everywhere = async () => {
      for (const path of [
        '/v1/agent/services',
        '/v1/agent/checks',
        '/v1/agent/service/web1',
        '/v1/agent/health/service/id/web1',
        '/v1/agent/health/service/name/web',
        '/v1/catalog/services',
        '/v1/catalog/service/web',
        '/v1/catalog/node/twin',
        '/v1/health/service/web',
        '/v1/health/service/web?passing',
        '/v1/health/checks/web',
        '/v1/health/node/twin',
        '/v1/health/state/any',
      ])
        await same('get', path);
    };
    const definition = {
      Name: 'web',
      ID: 'web1',
      Address: '10.0.0.1',
      Port: 8080,
      Tags: ['a', 'b'],
      Meta: { x: '1' },
      Weights: { Passing: 3, Warning: 2 },
      Checks: [
        { TTL: '100s', Notes: 'heartbeat' },
        { CheckID: 'mine', Name: 'own', TTL: '100s', Status: 'passing' },
      ],
    };
    await same('put', '/v1/agent/service/register', definition);
    await instances('web', 1);
    await everywhere();
    await same('put', '/v1/agent/check/pass/service:web1:1?note=fine');
    await settled('/v1/health/service/web?passing', ({ json }) => json.length === 1);
    await everywhere();
    await same('put', '/v1/agent/check/update/mine', { Status: 'warning', Output: 'slow' });
    await checkIs('web', 'warning');
    await everywhere();
    await same('put', '/v1/agent/service/maintenance/web1?enable=true&reason=because');
    await checkIs('web', 'critical');
    await everywhere();
    await same('put', '/v1/agent/service/maintenance/web1?enable=false');
    await settled('/v1/health/checks/web', ({ json }) => json.length === 2);
    // Once more, as a client does that renews: the checks stay as they stood.
    await same('put', '/v1/agent/service/register', definition);
    await everywhere();
    await same('put', '/v1/agent/service/register?replace-existing-checks', { ...definition, Checks: [] });
    await settled('/v1/health/checks/web', ({ json }) => json.length === 0);
    await everywhere();
    await same('put', '/v1/agent/check/register', {
      ID: 'late',
      Name: 'late one',
      TTL: '9s',
      ServiceID: 'web1',
    });
    await settled('/v1/health/checks/web', ({ json }) => json.length === 1);
    await everywhere();
    await same('put', '/v1/agent/check/deregister/late');
    await same('put', '/v1/agent/service/deregister/web1');
    await instances('web', 0);
    await everywhere();
    await same('put', '/v1/agent/service/deregister/web1');
  });

  it('finds the same by tags, filters and node', async () => {
    for (const [id, tags, meta, port] of [
      ['f1', ['v1', 'blue'], { zone: 'a' }, 1],
      ['f2', ['v2', 'blue'], { zone: 'b', 'with-dash': 'x' }, 2],
      ['f3', [], {}, 3],
    ] as const) {
      await same('put', '/v1/agent/service/register', {
        Name: 'f',
        ID: id,
        Tags: tags,
        Meta: meta,
        Port: port,
      });
    }
    await instances('f', 3);
    for (const query of [
      'tag=blue',
      'tag=BLUE&tag=v1',
      'tag=none',
      'node-meta=no:such',
      ...[
        'Service.Meta.zone == "a"',
        'Service.Meta.zone != "a"',
        'Service.Meta["with-dash"] == x',
        'zone in Service.Meta',
        'Service.Meta contains zone',
        'Service.Meta is empty',
        'blue in Service.Tags',
        'blue not in Service.Tags and Service.Port == 3',
        'Service.Tags is not empty',
        'Service.Tags contains v1 or Service.ID == f3',
        'not (Service.ID == f1 or Service.ID == f2)',
        'not Service.ID == f1 and Service.ID != f2',
        'Service.ID matches "^f[12]$"',
        'Service.ID not matches "1"',
        'Checks.Status != "passing"',
        'Checks.CheckID == serfHealth',
        'Node.Node == twin',
        'Service.Weights.Passing == 1',
        'Bogus == 1',
        'Service.Tags == x',
        'Checks is empty',
      ].map((filter) => `filter=${encodeURIComponent(filter)}`),
    ])
      await same('get', `/v1/health/service/f?${query}`);
    for (const filter of [
      'ServiceMeta.zone == a',
      'v1 in ServiceTags',
      'ServicePort != 2',
      'ServiceName == f',
    ])
      await same('get', `/v1/catalog/service/f?filter=${encodeURIComponent(filter)}`);
    await same('get', `/v1/catalog/services?filter=${encodeURIComponent('ServiceName == f')}`);
    await same('get', `/v1/agent/services?filter=${encodeURIComponent('Port == 2')}`);
    await same('get', `/v1/catalog/nodes?filter=${encodeURIComponent('Node == twin')}`);
    // Words of a grammar are not compared, only that it is none.
    for (const filter of ['Service.ID ==', '(Service.ID == f1', 'Service.ID', '"a" == "b" c'])
      for (const to of [real, ours])
        expect((await to.get(`/v1/health/service/f?filter=${encodeURIComponent(filter)}`)).status).toBe(500);
  });

  it('keeps the same key-value store', async () => {
    const everywhere = async () => {
      for (const path of [
        'kv/a/b',
        'kv/a/b?raw',
        'kv/a?recurse',
        'kv/a?keys',
        'kv/?keys&separator=/',
        'kv/a/?keys&separator=/',
      ])
        await same('get', `/v1/${path}`);
    };
    await everywhere();
    await same('put', '/v1/kv/a/b?flags=42', 'hello');
    await everywhere();
    await same('put', '/v1/kv/a/c/d');
    await same('put', '/v1/kv/a/%C3%A4%20%25', Buffer.from([0, 255, 10]));
    await everywhere();
    await same('put', '/v1/kv/a/b?flags=18446744073709551615', 'hello');
    expect((await ours.get('/v1/kv/a/b')).text).toContain('"Flags":18446744073709551615,');
    await everywhere();
    for (const path of [
      'a/b?cas=0',
      'a/b?cas=99999',
      'a/new?cas=1',
      'a/new?cas=0',
      'a/new?cas=0',
      'a/b?cas=x',
      'a/b?flags=-1',
      '',
    ])
      await same('put', `/v1/kv/${path}`, 'x');
    await everywhere();
    for (const path of [
      'a/none',
      'a/new?cas=1',
      'a/none?cas=1',
      'a/b',
      '',
      'a/c?recurse&cas=1',
      'a/c?recurse',
      'a?recurse',
    ])
      await same('delete', `/v1/kv/${path}`);
    await everywhere();
    await same('put', '/v1/kv/big', 'x'.repeat(524_288));
    await same('put', '/v1/kv/big', 'x'.repeat(524_289));
    await same('delete', '/v1/kv/big');
  });

  it('has the same sessions and locks', async () => {
    const sessions = new Map<Caller, string[]>([
      [real, []],
      [ours, []],
    ]);
    const create = async (definition: object) => {
      for (const [to, ids] of sessions) ids.push((await to.put('/v1/session/create', definition)).json.ID);
    };
    /** `#0` stands for the first session of each. */
    const both = async (method: 'get' | 'put', path: string, body?: unknown) => {
      const answers = [];
      for (const [to, ids] of sessions) {
        const own = path.replace(/#(\d)/, (_, at) => ids[at]!);
        answers.push(comparable(method === 'put' ? await to.put(own, body) : await to.get(own)));
      }
      expect({ path, ...answers[1]! }).toEqual({ path, ...answers[0]! });
    };
    await create({ Name: 'one', LockDelay: '500ms' });
    await create({ Name: 'two', TTL: '10s', Behavior: 'delete', LockDelay: 0 });
    for (const at of [0, 1]) await both('get', `/v1/session/info/#${at}`);
    await both('put', '/v1/session/renew/#1');
    await both('put', '/v1/kv/lock?acquire=#0', 'first');
    await both('get', '/v1/kv/lock');
    await both('put', '/v1/kv/lock?acquire=#0', 'again');
    await both('put', '/v1/kv/lock?acquire=#1', 'other');
    await both('get', '/v1/kv/lock');
    await both('put', '/v1/kv/lock', 'past the lock');
    await both('get', '/v1/kv/lock');
    await both('put', '/v1/kv/lock?release=#1', 'x');
    await both('put', '/v1/kv/lock?release=#0', 'let go');
    await both('get', '/v1/kv/lock');
    await both('put', '/v1/kv/lock?acquire=#0', 'held');
    await both('get', '/v1/kv/lock');
    await both('put', '/v1/kv/gone?acquire=#1', 'x');
    await both('put', '/v1/session/destroy/#0');
    await both('get', '/v1/kv/lock');
    await both('put', '/v1/kv/lock?acquire=#1', 'in the lock delay');
    await new Promise((resolve) => setTimeout(resolve, 700));
    await both('put', '/v1/kv/lock?acquire=#1', 'after it');
    await both('put', '/v1/session/destroy/#1');
    await both('get', '/v1/kv/gone');
    await both('get', '/v1/kv/lock');
    await both('get', '/v1/session/info/#0');
    await both('put', '/v1/session/renew/#0');
    for (const definition of [
      { TTL: '5s' },
      { TTL: '86401s' },
      { TTL: 'x' },
      { Behavior: 'x' },
      { Node: 'nope' },
      { Checks: ['nope'] },
      'junk',
    ])
      await same('put', '/v1/session/create', definition);
    const none = '10000000-0000-0000-0000-000000000000';
    for (const id of [none, 'nope', '']) {
      await same('get', `/v1/session/info/${id}`);
      await same('put', `/v1/session/renew/${id}`);
      await same('put', `/v1/session/destroy/${id}`);
    }
    for (const query of [
      `acquire=${none}`,
      'acquire=nope',
      `release=${none}`,
      'acquire=x&release=y',
      'cas=1&acquire=x',
    ])
      await same('put', `/v1/kv/lock?${query}`, 'x');
  });

  it('writes the catalogue past the agent', async () => {
    const external = {
      Node: 'ext',
      Address: '10.9.9.9',
      NodeMeta: { external: 'true' },
      Service: { Service: 'db', Port: 5432, Tags: ['p'] },
      Check: { Name: 'c', Status: 'passing', ServiceID: 'db' },
    };
    await same('put', '/v1/catalog/register', external);
    const everywhere = async () => {
      for (const path of [
        'catalog/nodes',
        'catalog/node/ext',
        'catalog/service/db',
        'health/service/db',
        'health/node/ext',
      ])
        await same('get', `/v1/${path}`);
    };
    await everywhere();
    await same('put', '/v1/catalog/register', {
      ...external,
      Check: { ...external.Check, Status: 'critical' },
    });
    await everywhere();
    await same('put', '/v1/catalog/deregister', { Node: 'ext', ServiceID: 'db' });
    await everywhere();
    for (const body of [{ Node: 'ext' }, {}, { Node: 'nope' }]) {
      await same('put', '/v1/catalog/deregister', body);
      if (body.Node !== 'nope') await same('put', '/v1/catalog/register', body);
    }
    await everywhere();
  });

  it('refuses in the same words', async () => {
    for (const [method, path, body] of [
      ['get', '/v1/nope'],
      ['get', '/nope'],
      ['get', '/v1/agent/service/nope'],
      ['get', '/v1/agent/health/service/id/nope'],
      ['get', '/v1/agent/health/service/name/nope'],
      ['get', '/v1/agent/service/register'],
      ['put', '/v1/agent/services'],
      ['delete', '/v1/session/list'],
      ['get', '/v1/health/service/'],
      ['get', '/v1/health/checks/'],
      ['get', '/v1/catalog/service/'],
      ['get', '/v1/catalog/node/'],
      ['get', '/v1/kv/'],
      ['get', '/v1/kv/x?index=x'],
      ['get', '/v1/kv/x?index=-1'],
      ['get', '/v1/kv/x?index=1&wait=x'],
      ['get', '/v1/kv/x?index=1&wait=5'],
      ['get', '/v1/kv/x?stale&consistent'],
      ['get', '/v1/kv/x?dc=nope'],
      ['put', '/v1/kv/x?dc=nope', 'x'],
      ['get', '/v1/health/service/web?dc=nope'],
      ['get', '/v1/health/node/web?dc=nope'],
      ['get', '/v1/catalog/services?dc=nope'],
      ['get', '/v1/health/service/web?passing=x'],
      ['put', '/v1/agent/service/maintenance/nope?enable=true'],
      ['put', '/v1/agent/service/maintenance/nope'],
      ['put', '/v1/agent/service/maintenance/nope?enable=maybe'],
      ['put', '/v1/agent/check/pass/nope'],
      ['put', '/v1/agent/check/update/nope', { Status: 'bogus' }],
      ['put', '/v1/agent/check/update/nope', 'junk'],
      ['put', '/v1/agent/check/deregister/nope'],
      ['put', '/v1/agent/check/register', { TTL: '10s' }],
      ['put', '/v1/agent/check/register', { Name: 'nothing' }],
      ['put', '/v1/agent/check/register', { Name: 'x', TTL: '1s', ServiceID: 'nope' }],
      ...[
        undefined,
        'junk',
        { ID: 'x' },
        { Name: 'x', Bogus: 1 },
        { Name: 'x', Port: '80' },
        { Name: 'x', Port: 80.5 },
        { Name: 'x', Address: '0.0.0.0' },
        { Name: 'x', Meta: { 'a b': 'c' } },
        { Name: 'x', Weights: { Passing: 0, Warning: 1 } },
        { Name: 'x', Weights: { Passing: 70_000, Warning: 1 } },
        { Name: 'x', Check: { HTTP: 'http://127.0.0.1:1' } },
        { Name: 'x', Check: { TTL: 'x' } },
        { Name: 'x', Check: { TTL: '10s', Status: 'bogus' } },
      ].map((definition) => ['put', '/v1/agent/service/register', definition] as const),
    ] as const)
      await same(method, path, body);
  });

  it('redirects paths that are not clean', async () => {
    for (const path of ['/v1/kv/a//b', '/v1/kv/../x']) {
      const [wanted, found] = [await real.get(path), await ours.get(path)];
      expect([found.status, found.headers.location]).toEqual([wanted.status, wanted.headers.location]);
    }
  });

  describe('a blocking query', () => {
    /**
     * Whether `act` ends a wait for news of `path`. Consul may wake somebody for nothing, as it watches branches of a tree: the
     * double wakes nobody without news, and whoever the double wakes, Consul does.
     */
    const wakes = async (path: string, act: (to: Caller) => Promise<unknown>) => {
      const [wanted, found] = [await wokenBy(real, path, act), await wokenBy(ours, path, act)];
      expect([path, found.headers]).toEqual([path, wanted.headers]);
      if (found.woken) expect([path, wanted.woken]).toEqual([path, true]);
      return found.woken;
    };
    const wokenBy = async (to: Caller, path: string, act: (to: Caller) => Promise<unknown>) => {
      const { index } = await to.get(path);
      const since = performance.now();
      const answer = to.get(`${path}${path.includes('?') ? '&' : '?'}index=${index}&wait=1s`);
      await new Promise((resolve) => setTimeout(resolve, 100));
      await act(to);
      const { headers } = await answer;
      return {
        woken: performance.now() - since < 950,
        headers: [headers['x-consul-query-backend'], headers['x-consul-knownleader']],
      };
    };
    const register = (definition: object) => (to: Caller) => to.put('/v1/agent/service/register', definition);
    const status = (how: string, check: string) => (to: Caller) => to.put(`/v1/agent/check/${how}/${check}`);

    it('ends when what it shows changes, and only then', async () => {
      const one = { Name: 's1', Check: { TTL: '500s', Status: 'passing' } };
      for (const to of [real, ours]) await register(one)(to);
      await instances('s1', 1);
      const health = '/v1/health/service/s1';
      expect(await wakes(health, register({ Name: 'other' }))).toBe(false);
      expect(await wakes(health, register(one))).toBe(false);
      expect(await wakes(health, status('pass', 'service:s1?note=said'))).toBe(false);
      expect(await wakes(health, status('warn', 'service:s1'))).toBe(true);
      expect(await wakes(`${health}?passing`, status('fail', 'service:s1'))).toBe(true);
      expect(await wakes('/v1/health/checks/s1', status('warn', 'service:s1'))).toBe(true);
      expect(await wakes('/v1/health/node/twin', status('pass', 'service:s1'))).toBe(true);
      expect(await wakes('/v1/health/state/critical', status('warn', 'service:s1'))).toBe(false);
      expect(await wakes('/v1/catalog/service/s1', status('pass', 'service:s1'))).toBe(false);
      expect(await wakes('/v1/catalog/services', status('warn', 'service:s1'))).toBe(false);
      expect(await wakes('/v1/catalog/services', register({ Name: 's1', ID: 'second' }))).toBe(true);
      expect(await wakes('/v1/catalog/nodes', register({ Name: 's1', ID: 'third' }))).toBe(false);
      expect(await wakes('/v1/catalog/node/twin', register({ Name: 's1', ID: 'fourth' }))).toBe(true);
      expect(await wakes('/v1/catalog/node/twin', status('pass', 'service:s1'))).toBe(false);
      expect(await wakes(health, (to) => to.put('/v1/agent/service/deregister/second'))).toBe(true);
      expect(await wakes('/v1/health/service/comes', register({ Name: 'comes' }))).toBe(true);
      expect(await wakes('/v1/health/service/absent', register({ Name: 'another' }))).toBe(false);
      await wakes('/v1/health/service/absent', (to) => to.put('/v1/agent/service/deregister/another'));
      expect(await wakes('/v1/health/checks/s1', register({ Name: 'c', Check: { TTL: '500s' } }))).toBe(
        false,
      );
    });

    it('on a key or a prefix ends with its changes', async () => {
      const put = (key: string, value: string) => (to: Caller) => to.put(`/v1/kv/${key}`, value);
      for (const to of [real, ours]) for (const key of ['w/1', 'w/2', 'z']) await put(key, 'a')(to);
      expect(await wakes('/v1/kv/w/1', put('w/2', 'b'))).toBe(false);
      expect(await wakes('/v1/kv/w/1', put('w/1', 'a'))).toBe(false);
      expect(await wakes('/v1/kv/w/1', put('w/1', 'b'))).toBe(true);
      expect(await wakes('/v1/kv/w/?recurse', put('z', 'b'))).toBe(false);
      expect(await wakes('/v1/kv/w/?keys', put('w/1', 'c'))).toBe(true);
      expect(await wakes('/v1/kv/w/?recurse', (to) => to.delete('/v1/kv/w/1'))).toBe(true);
      expect(await wakes('/v1/kv/w/2', (to) => to.delete('/v1/kv/w/2'))).toBe(true);
      expect(await wakes('/v1/kv/w/2', put('w/2', 'b'))).toBe(true);
    });

    it('on sessions and events, too', async () => {
      expect(await wakes('/v1/session/list', (to) => to.put('/v1/session/create', { TTL: '20s' }))).toBe(
        true,
      );
      expect(await wakes('/v1/event/list?name=deploy', (to) => to.put('/v1/event/fire/deploy', 'x'))).toBe(
        true,
      );
    });

    it('answers at once where its index is 0, missing or passed; waits where it is ahead', async () => {
      for (const to of [real, ours]) {
        for (const query of ['', '?index=0&wait=1s', '?index=1&wait=1s']) {
          const since = performance.now();
          await to.get(`/v1/kv/z${query}`);
          expect(performance.now() - since).toBeLessThan(900);
        }
        const since = performance.now();
        await to.get('/v1/kv/z?index=99999999&wait=300ms');
        expect(performance.now() - since).toBeGreaterThan(290);
      }
    });
  });

  it('runs HTTP and TCP checks that come to the same', async () => {
    const { port } = new URL(agent.httpAddress);
    const checks = (at: string) => [
      { CheckID: 'good', HTTP: `http://127.0.0.1:${at}/v1/status/leader`, Interval: '100ms' },
      { CheckID: 'bad', HTTP: `http://127.0.0.1:${at}/v1/nope`, Interval: '100ms' },
      { CheckID: 'open', TCP: `127.0.0.1:${at}`, Interval: '100ms', Timeout: '1s' },
      { CheckID: 'closed', TCP: '127.0.0.1:1', Interval: '100ms' },
    ];
    const found = [];
    for (const to of [real, ours]) {
      await to.put('/v1/agent/service/register', { Name: 'run', Port: 1, Checks: checks(port) });
      let json: { CheckID: string; Status: string; Output: string; Type: string }[] = [];
      for (let tries = 0; tries < 200; tries++) {
        json = Object.values((await to.get('/v1/agent/checks?filter=ServiceName==run')).json);
        if (json.every(({ Output }) => Output !== '')) break;
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
      found.push(json.map(({ CheckID, Status, Output, Type }) => [CheckID, Type, Status, Output]));
      await to.put('/v1/agent/service/deregister/run');
    }
    expect(found[1]).toEqual(found[0]);
  });
});

/** Without ids, indexes, ports of the agent itself and hashes, which no two agents share. */
function comparable({ status, headers, json, text }: Answer) {
  const shown = Object.entries(headers).filter(
    ([name]) => name.startsWith('x-') || ['content-type', 'allow', 'content-security-policy'].includes(name),
  );
  return {
    status,
    headers: Object.fromEntries(shown.map(([name, value]) => [name, VARYING.has(name) ? '…' : value])),
    body: masked(json === undefined ? text : json),
  };
}

const VARYING = new Set(['x-consul-index', 'x-consul-contenthash', 'x-consul-lastcontact']);
const MASKED = new Set([
  'CreateIndex',
  'ModifyIndex',
  'ContentHash',
  'id',
  'NodeID',
  'LTime',
  'wan_join_port',
  'port',
]);

function masked(value: unknown, key = ''): unknown {
  if (MASKED.has(key)) return '…';
  if (typeof value === 'string')
    return value
      .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'an id')
      .replace(/^127\.0\.0\.1:\d+$/, 'a server');
  if (Array.isArray(value)) {
    const all = value.map((one) => masked(one));
    // An agent lists them in the order of a Go map, which is none.
    return key === 'Checks' && all.length > 1 ? all.sort(byCheckId) : all;
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, one]) => [name, masked(one, name)] as const);
  // The servers' own ports are chosen by the test.
  const isOwn = entries.some(([name, one]) => /^(Service|ServiceName)$/.test(name) && one === 'consul');
  const ports = new Set(isOwn ? ['Port', 'ServicePort'] : 'ProtocolMax' in value ? ['Port'] : []);
  return Object.fromEntries(entries.map(([name, one]) => [name, ports.has(name) ? '…' : one]));
}

function byCheckId(one: unknown, other: unknown): number {
  const [first = '', second = ''] = [one, other].map((check) => (check as { CheckID?: string }).CheckID);
  return first < second ? -1 : 1;
}
