import { expect, it } from 'vitest';
import { createDiscoveryIn } from '../src/discovery.ts';
import { createFakeClock } from '../src/testing/fake-clock.ts';
import { scriptedSource } from './scripted-source.ts';

it('an answer that says the same, in another order, changes nothing at all', async () => {
  const clock = createFakeClock();
  const source = scriptedSource('abc');
  const discovery = createDiscoveryIn({ clock }, { source });
  let updates = 0;
  let told = 0;
  const balancer = () => ({ update: () => void updates++, pick: () => undefined });
  const web = discovery.service('web', { balancer });
  await web.ready();
  web.subscribe(() => void told++);
  // The empty list at first, then this one.
  expect(updates).toBe(2);
  const { endpoints, addresses, version } = web.snapshot;

  for (const order of ['cab', 'bca', 'abc']) {
    source.answer = order;
    await web.refresh();
  }
  expect([updates, told]).toEqual([2, 0]);
  expect(web.snapshot.version).toBe(version);
  expect(web.snapshot.endpoints).toBe(endpoints);
  expect(web.snapshot.addresses).toBe(addresses);

  source.answer = 'ab';
  await web.refresh();
  expect([updates, told]).toEqual([3, 1]);
  await discovery.close();
});

it('after it, all who keep the list keep the same objects', async () => {
  const source = scriptedSource('abc');
  const discovery = createDiscoveryIn({ clock: createFakeClock() }, { source });
  const web = discovery.service('web');
  await web.ready();
  source.answer = 'cba';
  await web.refresh();
  const { addresses } = await discovery.resolve('web');
  expect(new Set(addresses)).toEqual(new Set(web.snapshot.addresses));
  for (const address of addresses) expect(web.snapshot.addresses.includes(address)).toBe(true);
  await discovery.close();
});
