import { afterEach, describe, expect, it } from 'vitest';
import { instances, services } from '../../src/consul/catalog.ts';
import { ConsulHttp } from '../../src/consul/http.ts';
import { completeConsul } from '../../src/consul/options.ts';
import { createFakeClock } from '../../src/testing/fake-clock.ts';
import { entry } from './health-entries.ts';
import { type Script, ScriptedAgent, until } from './scripted-agent.ts';

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function world(script: Script) {
  const clock = createFakeClock();
  const agent = await ScriptedAgent.start(script);
  const http = new ConsulHttp(completeConsul({ address: agent.address, retries: 0 }, {}), clock);
  open.push(
    () => http.close(),
    () => agent.close(),
  );
  return { agent, http, clock };
}

const datacenterOf = (url: string) => new URL(url, 'http://x').searchParams.get('dc');

describe('instances over several datacenters', () => {
  it('are asked for together, and given in the order of the datacenters', async () => {
    const held: (() => void)[] = [];
    const { http, agent } = await world(async ({ url }) => {
      await new Promise<void>((resolve) => held.push(resolve));
      return { body: [entry({ id: `web-${datacenterOf(url)}` })] };
    });
    const found = instances(http, 'web', { datacenters: ['dc2', 'dc1', 'dc2'] });
    await until(() => agent.asked.length === 2);
    for (const go of held.reverse()) go();
    expect((await found).instances.map(({ id }) => id)).toEqual(['web-dc2', 'web-dc1']);
  });

  it('are waited for as long as `timeout` says: then it is a partial result, with why', async () => {
    const { http, clock, agent } = await world(({ url }) =>
      datacenterOf(url) === 'dc2' ? undefined : { body: [entry({})] },
    );
    const found = instances(http, 'web', { datacenters: ['dc1', 'dc2'], timeout: 2_000 });
    await until(() => agent.asked.length === 2);
    await clock.advance(2_000);
    expect(await found).toMatchObject({
      instances: [{ id: 'web-1' }],
      failures: [{ datacenter: 'dc2', error: { code: 'ERR_TIMEOUT' } }],
    });
  });

  it('reject with the reason of the signal, also where one of them had answered', async () => {
    const { http, agent } = await world(({ url }) =>
      datacenterOf(url) === 'dc2' ? undefined : { body: [entry({})] },
    );
    const leaver = new AbortController();
    const found = instances(http, 'web', { datacenters: ['dc1', 'dc2'], signal: leaver.signal });
    await until(() => agent.asked.length === 2);
    leaver.abort(new Error('enough'));
    await expect(found).rejects.toThrow('enough');
  });

  it("are those of all datacenters by 'all'; where these cannot be listed there is no result", async () => {
    const { http, agent } = await world(({ url }) =>
      url.startsWith('/v1/catalog') ? { body: ['dc1', 'dc3'] } : { body: [entry({})] },
    );
    expect((await instances(http, 'web', { datacenters: 'all' })).instances).toHaveLength(2);
    agent.script = () => ({ status: 500, body: 'no' });
    await expect(instances(http, 'web', { datacenters: 'all' })).rejects.toMatchObject({ status: 500 });
  });
});

describe('the options of the catalogue', () => {
  it.each([
    [{ passing: 'critical' }, "instances.passing: expected true, false or 'warning'"],
    [{ tag: [] }, "instances.tag: expected a list like ['a', 'b']"],
    [{ datacenters: [''] }, 'instances.datacenters[0]: expected'],
    [{ datacenter: 'dc1', datacenters: ['dc2'] }, 'instances: expected datacenter or datacenters'],
    [{ dc: 'dc1' }, 'instances: unknown option "dc"'],
    [{ timeout: 0 }, 'instances.timeout: expected'],
  ])('of instances() are checked: %j', async (options, message) => {
    await expect(instances({} as never, 'web', options as never)).rejects.toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringContaining(message),
    });
  });

  it('are checked, with the name, before anything is sent', async () => {
    const { http, agent } = await world(() => ({ body: {} }));
    for (const name of ['', 'a\nb', '..', 5]) {
      await expect(instances(http, name as string)).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' });
    }
    await expect(services(http, { filter: '' })).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' });
    expect(agent.asked).toEqual([]);
  });
});
