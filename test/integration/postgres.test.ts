import { readFileSync } from 'node:fs';
import pg from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { socketFor } from '../../src/adapter/net.ts';
import type { Service } from '../../src/index.ts';
import { discover, seen } from './asking.ts';
import { describeWithServer } from './child-server.ts';
import { describeWithConsul, startAgent } from './consul-agent.ts';
import { freePorts } from './free-ports.ts';
import { findPostgres, startPostgres } from './postgres-server.ts';

const reason =
  'no PostgreSQL: POSTGRES_BIN is not set, and none is under /usr/lib/postgresql (see .ci/servers.sh)';

/** Three servers, known to Consul, and a pool of six connections over them. */
async function scene(binary: string, settings: pg.PoolConfig = {}, name = 'db') {
  const agent = await startAgent();
  onTestFinished(() => agent.stop());
  const postgres = await startPostgres(binary, await freePorts(3));
  onTestFinished(() => postgres.stop());
  const ids = await agent.registerMany(
    postgres.servers.map(({ port }) => ({ name, address: '127.0.0.1', port })),
  );
  const { discovery } = discover(agent, { ttl: { min: 1_000 } });
  const db = discovery.service(name, { balancer: 'least-in-flight' });
  const pool = new pg.Pool({
    host: db.name,
    user: 'app',
    database: 'postgres',
    max: 6,
    stream: () => socketFor(db),
    ...settings,
  });
  onTestFinished(() => (pool.ending ? undefined : pool.end()));
  const broken: Error[] = [];
  pool.on('error', (error) => broken.push(error));
  return { agent, ids, db, pool, broken, servers: postgres.servers };
}

/** A busy machine takes its time. */
const patiently = { timeout: 20_000 };

const inFlight = (db: Service) => db.endpoints.map((endpoint) => endpoint.inFlight);

/** Of the server that a statement reached. */
async function portOf(one: Pick<pg.ClientBase, 'query'>): Promise<number> {
  const { rows } = await one.query('select inet_server_port() as port');
  return rows[0].port;
}

/** Each connection of a full pool, and where it leads. */
async function spread(pool: pg.Pool): Promise<Map<number, number>> {
  const clients = await Promise.all(Array.from({ length: 6 }, () => pool.connect()));
  const ports = new Map<number, number>();
  for (const client of clients) {
    const port = await portOf(client);
    ports.set(port, (ports.get(port) ?? 0) + 1);
  }
  for (const client of clients) client.release();
  return ports;
}

describeWithConsul('a pg.Pool over the instances of a service', () => {
  describeWithServer('with real servers of PostgreSQL', findPostgres(), reason, (binary) => {
    it('spreads its connections, loses those of a server that is killed, and goes on with the others', async () => {
      const { agent, db, pool, broken, servers } = await scene(binary, { maxUses: 20 });
      expect([...(await spread(pool)).values()]).toEqual([2, 2, 2]);
      expect(inFlight(db)).toEqual([2, 2, 2]);

      const [victim] = servers as [(typeof servers)[0]];
      await victim.kill();
      // The pool hears of its idle ones by itself; Consul, which checks nothing here, lists the dead one all the time.
      await expect.poll(() => broken.length, patiently).toBe(2);
      const counts = new Map<number, number>();
      for (let round = 0; round < 50; round++) {
        const ports = await Promise.all(Array.from({ length: 6 }, () => portOf(pool)));
        for (const port of ports) counts.set(port, (counts.get(port) ?? 0) + 1);
      }
      expect([...counts.keys()].sort()).toEqual(
        servers
          .slice(1)
          .map(({ port }) => port)
          .sort(),
      );
      const dead = db.endpoints.find(({ port }) => port === victim.port)!;
      expect([dead.inFlight, pool.totalCount]).toEqual([0, inFlight(db).reduce((sum, each) => sum + each)]);
      const { ejected } = db.stats();

      await victim.restart();
      // Connections are renewed (maxUses), and new ones go where there are fewest; from the ejection it is back after 11 s at most.
      const since = performance.now();
      let back = false;
      while (!back && performance.now() - since < 20_000) back = (await portOf(pool)) === victim.port;
      expect(back).toBe(true);
      seen(agent, 'PostgreSQL killed', {
        'queries without one failed': [...counts.values()].reduce((sum, each) => sum + each),
        ejected,
        'used again after ms': Math.round(performance.now() - since),
      });
      await pool.end();
      await expect.poll(() => inFlight(db), patiently).toEqual([0, 0, 0]);
    });

    it('fails with what every endpoint said where none takes connections, and works again when one does', async () => {
      const { db, pool, servers } = await scene(binary);
      await db.ready();
      await Promise.all(servers.map((server) => server.kill()));
      const error = await pool.query('select 1').catch((failure) => failure);
      expect(error).toMatchObject({ code: 'ERR_RETRIES_EXHAUSTED', attempts: [{}, {}, {}] });
      expect([inFlight(db), pool.totalCount]).toEqual([[0, 0, 0], 0]);
      await servers[0]!.restart();
      expect(await portOf(pool)).toBe(servers[0]!.port);
    });

    it('takes up an instance that is registered, and no more connections to one that is not', async () => {
      const { agent, ids, db, pool, servers } = await scene(binary, { maxUses: 10 });
      await spread(pool);
      await agent.deregister(ids[0]!);
      await expect.poll(() => db.endpoints.length, patiently).toBe(2);
      for (let round = 0; round < 12; round++) await spread(pool);
      expect((await spread(pool)).has(servers[0]!.port)).toBe(false);
      await agent.register({ name: 'db', address: '127.0.0.1', port: servers[0]!.port });
      await expect.poll(() => db.endpoints.length, patiently).toBe(3);
      for (let round = 0; round < 12; round++) await spread(pool);
      expect((await spread(pool)).has(servers[0]!.port)).toBe(true);
    });

    it('speaks TLS, and checks the certificate against the name of the service', async () => {
      const ca = readFileSync(new URL('../fixtures/tls/ca.pem', import.meta.url));
      const { db, pool } = await scene(binary, { ssl: { ca } }, 'web');
      const { rows } = await pool.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()');
      expect(rows).toEqual([{ ssl: true }]);
      expect([...(await spread(pool)).values()]).toEqual([2, 2, 2]);
      await pool.end();
      await expect.poll(() => inFlight(db), patiently).toEqual([0, 0, 0]);
    });

    it('gives up when the pool does, and leaves nothing behind', async () => {
      const { db, pool, servers } = await scene(binary, { connectionTimeoutMillis: 1 });
      await db.ready();
      await Promise.allSettled(Array.from({ length: 30 }, () => pool.query('select 1')));
      await pool.end();
      await expect.poll(() => inFlight(db), patiently).toEqual(servers.map(() => 0));
    });
  });
});
