import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ConsulDouble, createConsulDouble } from '../../../src/testing/consul-double.ts';
import { bundle } from './bundle.ts';
import { Child } from './child.ts';

let built: Awaited<ReturnType<typeof bundle>>;
let double: ConsulDouble;
let children: Child[] = [];

beforeAll(async () => {
  built = await bundle();
}, 120_000);
afterAll(() => built.remove());
beforeEach(async () => {
  double = await createConsulDouble();
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
  await double.close();
});

/** `consul` and `register(name, onShutdown)` are there; it lives until it is ended, or `server.close()`. */
function run(program: string, how: 'itself' | 'in a shell' = 'itself'): Child {
  const child = new Child(
    `
    import { createConsul } from ${JSON.stringify(built.url('consul'))};
    import { createServer } from 'node:http';
    const consul = createConsul({ address: ${JSON.stringify(double.httpAddress)} });
    const server = createServer((_, response) => response.end());
    const listening = () => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
    const register = (name, onShutdown, port = 8080) => consul.register({ name, port }, { onShutdown });
    process.stdin.on('end', () => process.exit(9)).unref();
    ${program}`,
    {},
    how,
  );
  children.push(child);
  return child;
}

const writes = () =>
  double.requests
    .filter(({ method }) => method === 'PUT')
    .map(({ path, query }) => {
      const [, , , , what] = path.split('/');
      return what === 'maintenance' ? `${what} ${query.get('enable')}` : what;
    });

describe('a process that is asked to end', () => {
  it('drains, takes its registration back, and dies by the signal', async () => {
    const child = run(`
      await listening();
      await register('web', { grace: 400 });
      console.log('ready');`);
    await child.says('ready');
    const asked = performance.now();
    child.kill('SIGTERM');
    expect(await child.ended()).toEqual([null, 'SIGTERM']);
    expect(writes()).toEqual(['register', 'maintenance true', 'deregister']);
    expect(performance.now() - asked).toBeGreaterThan(400);
    expect(child.errors).toBe('');
  });

  it('exits with the code 143 for a shell', async () => {
    const child = run(
      `
      await register('web', { drain: false });
      process.kill(process.pid, 'SIGTERM');
      await listening();`,
      'in a shell',
    );
    expect(await child.says('exit code')).toBe('143');
    expect(writes()).toEqual(['register', 'deregister']);
  });

  it('waits for `finish` after the grace', async () => {
    const child = run(`
      await listening();
      await register('web', { grace: 50, finish: () => new Promise((resolve) => server.close(resolve)) });
      server.on('close', () => console.log('closed'));
      console.log('ready');`);
    await child.says('ready');
    child.kill('SIGTERM');
    expect(await child.ended()).toEqual([null, 'SIGTERM']);
    expect(child.said).toEqual(['ready', 'closed']);
  });

  it('does not wait for ever for a `finish` that hangs, and says so', async () => {
    const child = run(`
      await register('web', { drain: false, timeout: 300, finish: () => new Promise(() => {}) });
      await listening();
      console.log('ready');`);
    await child.says('ready');
    child.kill('SIGTERM');
    expect(await child.ended()).toEqual([null, 'SIGTERM']);
    expect(child.errors).toContain('not done in 300 ms');
  });

  it('goes on at once at a second signal', async () => {
    const child = run(`
      await listening();
      await register('web', { grace: 600_000 });
      console.log('ready');`);
    await child.says('ready');
    child.kill('SIGTERM');
    await expect.poll(writes, { timeout: 20_000 }).toContain('maintenance true');
    child.kill('SIGINT');
    expect(await child.ended()).toEqual([null, 'SIGTERM']);
    expect(writes()).toEqual(['register', 'maintenance true', 'deregister']);
  });

  it('does it once for all registrations, of all clients', async () => {
    const child = run(`
      await listening();
      const other = createConsul({ address: consul.address });
      await register('one', { grace: 300 });
      await register('two', { grace: 100 });
      await other.register({ name: 'three', port: 1 }, { onShutdown: { drain: false } });
      console.log('ready', process.listenerCount('SIGTERM'));`);
    expect(await child.says('ready')).toBe('1');
    child.kill('SIGTERM');
    expect(await child.ended()).toEqual([null, 'SIGTERM']);
    expect(writes().filter((what) => what === 'deregister')).toHaveLength(3);
    expect(writes().filter((what) => what === 'maintenance true')).toHaveLength(2);
  });

  it('leaves handlers of the program alone: they hear it at once, and when it is raised again', async () => {
    const child = run(`
      await listening();
      let heard = 0;
      process.on('SIGTERM', () => {
        console.log('heard', ++heard);
        if (heard === 2) process.exit(7);
      });
      await register('web', { grace: 100 });
      console.log('ready');`);
    await child.says('ready');
    child.kill('SIGTERM');
    expect(await child.ended()).toEqual([7, null]);
    expect(child.said).toEqual(['ready', 'heard 1', 'heard 2']);
    expect(writes()).toEqual(['register', 'maintenance true', 'deregister']);
  });

  it('dies at once where the registration was taken back before', async () => {
    const child = run(`
      await listening();
      const registration = await register('web', true);
      await registration.deregister();
      console.log('ready', process.listenerCount('SIGTERM'), process.listenerCount('beforeExit'));`);
    expect(await child.says('ready')).toBe('0 0');
    child.kill('SIGTERM');
    expect(await child.ended()).toEqual([null, 'SIGTERM']);
  });

  it('dies in time where Consul cannot be reached, and says what stays behind', async () => {
    const child = run(`
      await listening();
      await register('web', { grace: 100, timeout: 700 });
      console.log('ready');`);
    await child.says('ready');
    await double.http.down(true);
    const asked = performance.now();
    child.kill('SIGTERM');
    expect(await child.ended()).toEqual([null, 'SIGTERM']);
    expect(performance.now() - asked).toBeLessThan(10_000);
    expect(child.errors).toContain('still registered');
  });
});

describe('a process that has nothing left to do', () => {
  it('takes its registration back without a grace, and ends well', async () => {
    const child = run(`await register('web', { grace: 600_000 });`);
    expect(await child.ended()).toEqual([0, null]);
    expect(writes()).toEqual(['register', 'deregister']);
  });

  it('is not kept alive by a registration, with heartbeats or without', async () => {
    const child = run(`
      await consul.register({ name: 'web', port: 1, check: { ttl: 1_000 } });
      await consul.register({ name: 'api', port: 2 }, { checkInterval: 1_000 });`);
    expect(await child.ended()).toEqual([0, null]);
    expect(writes()).not.toContain('deregister');
  });

  it('is kept alive by what it awaits: an agent that is not there yet', async () => {
    await double.http.down(true);
    const child = run(`
      await consul.register({ name: 'web', port: 1 }, { onWarning: ({ code }) => console.log(code) });
      console.log('registered');`);
    await child.says('REGISTRATION_FAILED');
    await double.http.down(false);
    expect(await child.ended()).toEqual([0, null]);
    expect(child.said).toEqual(['REGISTRATION_FAILED', 'registered']);
  });
});
