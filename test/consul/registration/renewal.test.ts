import { describe, expect, it } from 'vitest';
import { eventually, openWorld, type World } from './world.ts';

const web = { name: 'web', id: 'web-1', port: 8080, address: '10.0.0.1' };
const here = async ({ registry }: World) => (await registry.instances('web')).map(({ id }) => id);
const codes = ({ warnings }: World) => warnings.map(({ code }) => code);

describe('a registration', () => {
  it('is looked at within each interval, and told again where the agent has forgotten it', async () => {
    const world = await openWorld();
    const registration = await world.registry.register(web, { onWarning: world.onWarning });
    const states: string[] = [];
    registration.subscribe((state) => states.push(state));
    await world.pass(10_000);
    expect(world.asked().slice(0, 2)).toEqual(['PUT register', 'GET web-1']);
    world.double.http.forget();
    expect(await here(world)).toEqual([]);
    await world.pass(10_000);
    await eventually(() => here(world)).toEqual(['web-1']);
    await eventually(() => registration.state).toBe('registered');
    expect(states).toEqual(['renewing', 'registered']);
    expect(world.warnings).toMatchObject([{ code: 'REGISTRATION_LOST', service: 'web', id: 'web-1' }]);
  });

  it('is doubtful while the agent does not answer, which is said once, and certain again afterwards', async () => {
    const world = await openWorld();
    const registration = await world.registry.register(web, { onWarning: world.onWarning });
    world.double.http.error(500, 'no');
    await world.pass(40_000);
    expect(registration.state).toBe('unconfirmed');
    expect(registration.error).toMatchObject({ status: 500 });
    expect(codes(world)).toEqual(['REGISTRATION_FAILED']);
    world.double.http.error(undefined);
    await world.pass(12_000);
    expect(registration.state).toBe('registered');
    expect(registration.error).toBeUndefined();
    world.double.http.error(500, 'no');
    await world.pass(10_000);
    expect(codes(world)).toEqual(['REGISTRATION_FAILED', 'REGISTRATION_FAILED']);
  });

  it('is asked about sooner after a failure', async () => {
    const world = await openWorld();
    await world.registry.register(web, { onWarning: world.onWarning, checkInterval: 600_000 });
    world.double.http.error(500, 'no');
    await world.pass(600_000);
    const before = world.asked().length;
    await world.pass(60_000);
    expect(world.asked().length - before).toBeGreaterThan(1);
  });

  it('goes on trying to come back, and counts as not there until it is', async () => {
    const world = await openWorld();
    const registration = await world.registry.register(web, { onWarning: world.onWarning });
    world.double.http.forget();
    world.double.http.only(({ path }) => path.endsWith('/register'));
    world.double.http.error(503, 'not now');
    await world.pass(30_000);
    expect(registration.state).toBe('renewing');
    expect(codes(world)).toEqual(['REGISTRATION_LOST', 'REGISTRATION_FAILED']);
    world.double.http.error(undefined);
    await world.pass(12_000);
    expect(registration.state).toBe('registered');
    expect(await here(world)).toEqual(['web-1']);
  });

  it('makes the others look, too, when it finds that the agent forgets', async () => {
    const world = await openWorld();
    const { onWarning } = world;
    await world.registry.register({ ...web, id: 'web-2' }, { onWarning, checkInterval: 3_600_000 });
    await world.registry.register(web, { onWarning, checkInterval: 1_000 });
    await world.pass(2_000);
    world.double.http.forget();
    await world.pass(5_000);
    await eventually(async () => (await here(world)).sort()).toEqual(['web-1', 'web-2']);
  });

  it('keeps its maintenance mode when it is registered again', async () => {
    const world = await openWorld();
    const registration = await world.registry.register(web, { onWarning: world.onWarning });
    await registration.maintenance('moving house');
    world.double.http.forget();
    await world.pass(10_000);
    await eventually(() => world.asked().filter((one) => one === 'PUT maintenance').length).toBe(2);
    await registration.resume();
    world.double.http.forget();
    await world.pass(10_000);
    await eventually(() => registration.state).toBe('registered');
    expect(world.asked().filter((one) => one === 'PUT maintenance')).toHaveLength(3);
  });

  it('is registered again where maintenance mode finds it forgotten', async () => {
    const world = await openWorld();
    const registration = await world.registry.register(web, { onWarning: world.onWarning });
    world.double.http.forget();
    await registration.maintenance();
    expect(await here(world)).toEqual(['web-1']);
    expect(registration.state).toBe('registered');
  });

  it('gives way to another with the same id', async () => {
    const world = await openWorld();
    const registration = await world.registry.register(web, { onWarning: world.onWarning });
    await world.http.request('PUT', '/v1/agent/service/register', {
      body: { ID: 'web-1', Name: 'web', Port: 9 },
    });
    await world.pass(10_000);
    expect(registration.state).toBe('replaced');
    expect(codes(world)).toEqual(['REGISTRATION_REPLACED']);
    await registration.deregister();
    await expect(registration.maintenance()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await world.pass(30_000);
    expect(await here(world)).toEqual(['web-1']);
  });

  it('is left as it is when the client is closed', async () => {
    const world = await openWorld();
    const registration = await world.registry.register(web);
    await world.http.close();
    expect(registration.state).toBe('abandoned');
    await expect(registration.deregister()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    expect(world.clock.pending).toBe(0);
  });

  it('tells subscribers of its state, and survives one that throws', async () => {
    const world = await openWorld();
    const registration = await world.registry.register(web, { onWarning: world.onWarning });
    const states: string[] = [];
    registration.subscribe(() => {
      throw new Error('no');
    });
    const stop = registration.subscribe((state) => states.push(state));
    stop();
    registration.subscribe((state) => states.push(`and ${state}`));
    await registration.deregister();
    expect(states).toEqual(['and deregistering', 'and deregistered']);
    expect(codes(world)).toEqual(['LISTENER_FAILED', 'LISTENER_FAILED']);
  });
});

describe('to deregister', () => {
  it('ends all that kept it up', async () => {
    const world = await openWorld();
    const registration = await world.registry.register({ ...web, check: { ttl: 3_000 } });
    await registration.deregister();
    const before = world.asked().length;
    await world.pass(60_000);
    expect(world.asked().length).toBe(before);
    expect(world.clock.pending).toBe(0);
    expect(registration.state).toBe('deregistered');
  });

  it('is done once, however often it is asked, also where nobody knows it any more', async () => {
    const world = await openWorld();
    const registration = await world.registry.register(web);
    world.double.http.forget();
    await Promise.all([registration.deregister(), registration.deregister()]);
    await registration[Symbol.asyncDispose]();
    expect(world.asked()).toEqual(['PUT register', 'PUT deregister']);
  });

  it('waits for an agent that does not answer, and says so', async () => {
    const world = await openWorld();
    const registration = await world.registry.register(web, { onWarning: world.onWarning });
    world.double.http.error(500, 'no');
    const done = registration.deregister();
    await world.pass(3_000);
    expect(codes(world)).toEqual(['DEREGISTRATION_FAILED']);
    expect(registration.state).toBe('deregistering');
    world.double.http.error(undefined);
    await world.pass(5_000);
    await done;
    expect(await here(world)).toEqual([]);
  });

  it('gives up in time, and can be asked again', async () => {
    const world = await openWorld();
    const registration = await world.registry.register(web, { onWarning: world.onWarning });
    world.double.http.error(500, 'no');
    const failed = expect(registration.deregister({ timeout: 2_500 })).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
      cause: { status: 500 },
    });
    await world.pass(3_000);
    await failed;
    world.double.http.error(undefined);
    await registration.deregister();
    expect(await here(world)).toEqual([]);
  });

  it('comes after a renewal that is under way', async () => {
    const world = await openWorld();
    const registration = await world.registry.register(web, { onWarning: world.onWarning });
    world.double.http.forget();
    world.double.http.only(({ path }) => path.endsWith('/register'));
    world.double.http.delay(500);
    const registered = () => world.asked().filter((one) => one === 'PUT register').length;
    for (let waited = 0; registered() < 2 && waited < 11_000; waited += 100) await world.pass(100);
    expect(registered()).toBe(2);
    const done = registration.deregister();
    await world.pass(0);
    expect(world.asked()).not.toContain('PUT deregister');
    await world.pass(1_000);
    await done;
    expect(
      world
        .asked()
        .filter((one) => one.startsWith('PUT'))
        .at(-1),
    ).toBe('PUT deregister');
    expect(await here(world)).toEqual([]);
  });

  it('is refused at once where Consul refuses', async () => {
    const world = await openWorld();
    const registration = await world.registry.register(web, { onWarning: world.onWarning });
    world.double.http.error(403, 'Permission denied');
    await expect(registration.deregister()).rejects.toMatchObject({ code: 'ERR_CONSUL', status: 403 });
    expect(codes(world)).toEqual(['DEREGISTRATION_FAILED']);
  });
});

describe('to drain', () => {
  it('is maintenance mode, a time of grace, and the end', async () => {
    const world = await openWorld();
    const registration = await world.registry.register(web);
    const done = registration.drain({ grace: 4_000, reason: 'update' });
    await eventually(() => world.asked().at(-1)).toBe('PUT maintenance');
    await world.pass(3_900);
    expect(world.asked().at(-1)).toBe('PUT maintenance');
    await world.pass(200);
    await done;
    expect(world.asked()).toEqual(['PUT register', 'PUT maintenance', 'PUT deregister']);
    expect(world.double.requests[1]?.query.get('reason')).toBe('update');
  });

  it('takes 6 s where nothing is said, which is longer than callers take to look', async () => {
    const world = await openWorld();
    const registration = await world.registry.register(web);
    const done = registration.drain();
    await world.pass(5_900);
    expect(world.asked().at(-1)).toBe('PUT maintenance');
    await world.pass(200);
    await done;
  });

  it('does not register again what the agent forgets meanwhile, and keeps the heartbeat', async () => {
    const world = await openWorld();
    const registration = await world.registry.register(
      { ...web, check: { ttl: 3_000 } },
      { onWarning: world.onWarning },
    );
    const done = registration.drain({ grace: 30_000 });
    await world.pass(5_000);
    const beats = world.asked().filter((one) => one.endsWith('service:web-1')).length;
    expect(beats).toBeGreaterThan(4);
    world.double.http.forget();
    await world.pass(26_000);
    await done;
    expect(world.asked().filter((one) => one === 'PUT register')).toHaveLength(1);
  });

  it('says nothing of maintenance mode where the agent has forgotten it already', async () => {
    const world = await openWorld();
    const registration = await world.registry.register(web, { onWarning: world.onWarning });
    world.double.http.forget();
    const done = registration.drain({ grace: 1_000 });
    await world.pass(2_000);
    await done;
    expect(world.asked()).toEqual(['PUT register', 'PUT maintenance', 'PUT deregister']);
    expect(world.warnings).toEqual([]);
  });

  it('is cut short by its signal', async () => {
    const world = await openWorld();
    const registration = await world.registry.register(web);
    const enough = new AbortController();
    const done = registration.drain({ grace: 60_000, signal: enough.signal });
    await eventually(() => world.asked().at(-1)).toBe('PUT maintenance');
    enough.abort();
    await done;
    expect(registration.state).toBe('deregistered');
  });
});
