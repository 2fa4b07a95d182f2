import { afterEach, describe, expect, it } from 'vitest';
import { type ConsulDouble, createConsulDouble } from '../../src/testing/consul-double.ts';
import { createFakeClock, type FakeClock } from '../../src/testing/fake-clock.ts';
import { caller } from './http-requests.ts';

let clock: FakeClock;
let double: ConsulDouble;
let consul: ReturnType<typeof caller>;
const start = async (options: object = {}) => {
  clock = createFakeClock();
  double = await createConsulDouble({ clock, seed: 1, ...options });
  consul = caller(double.httpAddress);
};
afterEach(() => double.close());
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('faults on demand', () => {
  it('down: connections are refused, DNS goes on; up again on the same port', async () => {
    await start();
    await double.http.down(true);
    await expect(consul.get('/v1/status/leader')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await double.http.down(false);
    expect((await consul.get('/v1/status/leader')).status).toBe(200);
  });

  it('stop() and start() keep the port and what is registered', async () => {
    await start();
    await consul.put('/v1/agent/service/register', { Name: 'web' });
    await double.stop();
    await expect(consul.get('/v1/agent/services')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await double.start();
    expect(Object.keys((await consul.get('/v1/agent/services')).json)).toEqual(['web']);
  });

  it('error and failNext: a status instead of an answer', async () => {
    await start();
    double.http.failNext(2, 429, 'slow down');
    const statuses = [];
    for (let asked = 0; asked < 3; asked++) statuses.push((await consul.get('/v1/status/leader')).status);
    expect(statuses).toEqual([429, 429, 200]);
    double.http.error(503);
    expect(await consul.put('/v1/kv/a', 'x')).toMatchObject({ status: 503, text: 'internal error' });
    double.http.error(undefined);
    expect((await consul.get('/v1/kv/a')).status).toBe(404);
  });

  it('delay: holds answers back in the time of the clock', async () => {
    await start();
    double.http.delay(({ path }) => (path === '/v1/agent/self' ? 5_000 : 0));
    expect((await consul.get('/v1/status/leader')).status).toBe(200);
    let answered = false;
    const asked = consul.get('/v1/agent/self').then(() => {
      answered = true;
    });
    while (clock.pending === 0) await turn();
    await clock.advance(4_999);
    expect(answered).toBe(false);
    await clock.advance(1);
    await asked;
  });

  it('hang: silence until the connection is broken; reset: no answer at all', async () => {
    await start();
    double.http.hang(true);
    const asked = consul.get('/v1/status/leader');
    const failed = expect(asked).rejects.toMatchObject({ code: 'ECONNRESET' });
    while (double.requests.length === 0) await turn();
    double.http.disconnect();
    await failed;
    double.http.hang(false);
    double.http.reset(true);
    await expect(consul.get('/v1/status/leader')).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('only: hits the requests it says yes to', async () => {
    await start();
    double.http.only(({ method }) => method === 'PUT');
    double.http.error(500);
    expect((await consul.get('/v1/status/leader')).status).toBe(200);
    expect((await consul.put('/v1/kv/a', 'x')).status).toBe(500);
  });

  it('remembers what it was asked', async () => {
    await start();
    await consul.put('/v1/kv/a%20b?flags=1', 'x');
    expect(double.requests).toMatchObject([{ method: 'PUT', path: '/v1/kv/a b', body: 'x' }]);
    expect(double.requests[0]!.query.get('flags')).toBe('1');
    double.clearRequests();
    expect(double.requests).toEqual([]);
  });
});

describe('without a leader', () => {
  it.each([
    ['1.8.7', 7_000, 7_500],
    ['1.22.7', 7_000, 30_000],
  ])(
    '%s: what needs one is held, then fails; stale data is given and says so',
    async (version, least, most) => {
      await start({ version });
      double.register({ name: 'web' });
      double.http.leader(false);
      await clock.advance(3_000);
      const stale = await consul.get('/v1/health/service/web?stale');
      expect(stale.json).toHaveLength(1);
      expect(stale.headers).toMatchObject({
        'x-consul-knownleader': 'false',
        'x-consul-lastcontact': '3000',
      });
      expect((await consul.get('/v1/status/leader')).json).toBe('');
      const since = clock.now();
      let answer: { status: number; text: string } | undefined;
      const asked = consul.put('/v1/kv/a', 'x').then((given) => {
        answer = given;
      });
      while (clock.pending === 0) await turn();
      while (answer === undefined && clock.now() - since < most) await clock.advance(100);
      await asked;
      expect(answer).toMatchObject({ status: 500, text: 'No cluster leader' });
      expect(clock.now() - since).toBeGreaterThanOrEqual(least);
      double.http.leader(true);
      expect((await consul.put('/v1/kv/a', 'x')).json).toBe(true);
    },
  );
});

describe('with a token', () => {
  const token = { headers: { 'x-consul-token': 'right' } };

  it.each(['1.8.7', '1.22.7'])(
    '%s: the right one may do everything, by header, bearer or query',
    async (version) => {
      await start({ version, token: 'right' });
      expect((await consul.put('/v1/kv/a', 'x', token)).json).toBe(true);
      expect((await consul.get('/v1/kv/a', { headers: { authorization: 'Bearer right' } })).status).toBe(200);
      expect((await consul.get('/v1/kv/a?token=right')).status).toBe(200);
      expect((await consul.get('/v1/health/service/consul', token)).json).toHaveLength(1);
    },
  );

  it.each(['1.8.7', '1.22.7'])('%s: an unknown one gets nothing', async (version) => {
    await start({ version, token: 'right' });
    const wrong = { headers: { 'x-consul-token': 'wrong' } };
    for (const path of ['/v1/kv/a', '/v1/health/service/web', '/v1/agent/services', '/v1/session/list'])
      expect(await consul.get(path, wrong)).toMatchObject({ status: 403, text: 'ACL not found' });
    expect(await consul.put('/v1/agent/service/register', { Name: 'web' }, wrong)).toMatchObject({
      status: 403,
    });
    expect((await consul.get('/v1/status/leader', wrong)).status).toBe(200);
  });

  it('none: lists are empty, the rest is denied', async () => {
    await start({ token: 'right' });
    await consul.put('/v1/agent/service/register', { Name: 'web' }, token);
    await consul.put('/v1/kv/a', 'x', token);
    const seen = async (path: string) => {
      const { status, json } = await consul.get(path);
      return [status, json];
    };
    expect(await seen('/v1/health/service/web')).toEqual([200, []]);
    expect(await seen('/v1/catalog/services')).toEqual([200, {}]);
    expect(await seen('/v1/catalog/node/double')).toEqual([200, null]);
    expect(await seen('/v1/agent/services')).toEqual([200, {}]);
    expect(await seen('/v1/kv/a?recurse')).toEqual([404, undefined]);
    expect(await consul.get('/v1/kv/a')).toMatchObject({
      status: 403,
      text: expect.stringMatching(/^Permission denied: anonymous token lacks permission 'key:read' on "a"\./),
    });
    expect(await consul.put('/v1/agent/service/deregister/web')).toMatchObject({
      status: 403,
      text: expect.stringContaining(`'service:write' on "web"`),
    });
    await double.close();
    await start({ token: 'right', version: '1.8.7' });
    expect(await consul.put('/v1/agent/service/register', { Name: 'web' })).toMatchObject({
      status: 403,
      text: 'Permission denied: Missing service:write on web',
    });
    expect(await consul.get('/v1/kv/a')).toMatchObject({ status: 403, text: 'Permission denied' });
  });
});
