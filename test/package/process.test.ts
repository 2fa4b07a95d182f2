import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ConsulDouble, createConsulDouble } from '../../src/testing/consul-double.ts';

let double: ConsulDouble;
beforeAll(async () => {
  double = await createConsulDouble();
  double.register({ name: 'web', address: '10.1.0.1', port: 8080 });
});
beforeEach(() => double.dns.drop(false));
afterAll(() => double.close());

const entry = new URL('../../dist/index.js', import.meta.url).href;
const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs a program that imports the package and ends by itself or is killed after 20 s. */
function run(
  program: string,
): Promise<{ code: number | string | null; stdout: string; stderr: string; elapsed: number }> {
  const started = performance.now();
  const source = `import * as all from ${JSON.stringify(entry)};\nconst { createDiscovery, consulDns, fastest } = all;\n${program}`;
  const options = { cwd: root, env: { ...process.env, CONSUL_DNS_ADDR: double.dnsAddress }, timeout: 20_000 };
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['--input-type=module', '-e', source],
      options,
      (error, stdout, stderr) => {
        const code = error === null ? 0 : (error.code ?? error.signal ?? null);
        resolve({ code, stdout, stderr, elapsed: performance.now() - started });
      },
    );
    child.stdin?.end();
  });
}

describe('a program', () => {
  it('waits for a top-level ready(), prints, and ends by itself without close()', async () => {
    const { code, stdout, elapsed } = await run(`
      const web = createDiscovery().service('web');
      await web.ready();
      console.log(web.pick().address);`);
    expect([code, stdout]).toEqual([0, '10.1.0.1:8080\n']);
    expect(elapsed).toBeLessThan(5_000);
  });

  it('is kept alive by what it awaits, as long as that takes: a slow answer', async () => {
    double.dns.delay(700);
    const { code, stdout } = await run(`
      const web = createDiscovery().service('web');
      await web.ready();
      console.log('ready', web.endpoints.length);
      await web.refresh();
      console.log('refreshed');
      console.log((await createDiscovery().resolve('web')).addresses.length);
      console.log((await consulDns().resolve({ service: 'web' })).addresses.length);`);
    double.dns.delay(0);
    expect([code, stdout]).toEqual([0, 'ready 1\nrefreshed\n1\n1\n']);
  });

  it('is kept alive by ready({ timeout }) and told in the end', async () => {
    const { code, stdout } = await run(`
      const nope = createDiscovery().service('nope');
      await nope.ready({ timeout: 1500 }).catch((error) => console.log(error.code));`);
    expect([code, stdout]).toEqual([0, 'ERR_READY_TIMEOUT\n']);
  });

  it('is kept alive by a watch that waits for a change', async () => {
    const late = setTimeout(() => double.register({ name: 'watched', address: '10.1.0.2', port: 1 }), 1_500);
    double.register({ name: 'watched', address: '10.1.0.1', port: 1 });
    const { code, stdout } = await run(`
      const watched = createDiscovery({ ttl: { min: 200, max: 300 } }).service('watched');
      for await (const { endpoints } of watched.watch()) {
        console.log(endpoints.length);
        if (endpoints.length === 2) break;
      }`);
    clearTimeout(late);
    expect([code, stdout]).toEqual([0, '1\n2\n']);
  });

  it('is not kept alive by background work: refreshes, probes, subscriptions, an outage', async () => {
    const { code, stdout, elapsed } = await run(`
      const discovery = createDiscovery({ ttl: { min: 100, max: 100 }, timeout: 10_000, onWarning: () => {} });
      const web = discovery.service('web', { balancer: fastest({ timeout: 10_000 }) });
      await web.ready();
      web.subscribe(() => {});
      const slow = discovery.service('slow');
      setTimeout(() => console.log('end'), 400);`);
    expect([code, stdout]).toEqual([0, 'end\n']);
    expect(elapsed).toBeLessThan(5_000);
    double.dns.drop(true);
    const outage = await run(`
      createDiscovery({ timeout: 30_000 }).service('web');
      setTimeout(() => console.log('end'), 300);`);
    expect([outage.code, outage.stdout]).toEqual([0, 'end\n']);
    expect(outage.elapsed).toBeLessThan(5_000);
  });

  it('has no handle left after close()', async () => {
    const { code, stdout } = await run(`
      const discovery = createDiscovery({ transport: 'tcp' });
      const other = createDiscovery();
      const web = discovery.service('web', { balancer: fastest() });
      await Promise.all([web.ready(), other.service('web').ready(), discovery.resolve('web')]);
      await discovery.close();
      await other.close();
      await new Promise((resolve) => setTimeout(resolve, 100));
      const left = process.getActiveResourcesInfo().filter((name) => !/^(PipeWrap|TTYWrap|FSReq|Immediate)/.test(name));
      console.log(JSON.stringify(left));`);
    expect([code, stdout]).toEqual([0, '[]\n']);
  });

  it('warns through process.emitWarning by default, once, with a stable code', async () => {
    double.dns.drop(true);
    const { stderr } = await run(`
      const discovery = createDiscovery({ timeout: 50, retries: 0 });
      await discovery.service('web').ready({ timeout: 2_500 }).catch(() => {});`);
    expect(stderr.match(/\[CONSUL_UNAVAILABLE\] DiscoveryWarning/g)).toHaveLength(1);
  });
});
