import { emptySnapshot } from '../../snapshot.ts';
import type { Suite } from './suite.ts';

/** Which endpoints may be chosen at all. */
export function selection({ open, it, expect }: Suite): void {
  it('chooses nothing from an empty list, before and after an update', () => {
    const { balancer } = open();
    expect(balancer.pick()).toBe(undefined);
    balancer.update(emptySnapshot);
    expect(balancer.pick()).toBe(undefined);
    expect(balancer.pick('key')).toBe(undefined);
    expect(balancer.pick('key', new Set())).toBe(undefined);
  });

  it('chooses nothing again when all have left', () => {
    const { balancer, list } = open();
    list(5);
    balancer.pick();
    list(0);
    expect(balancer.pick()).toBe(undefined);
    expect(balancer.pick('key')).toBe(undefined);
    expect(balancer.pick(undefined, new Set())).toBe(undefined);
  });

  it('chooses the only endpoint every time', () => {
    const { balancer, list } = open();
    const { endpoints } = list(1);
    for (let i = 0; i < 10; i++) expect(balancer.pick(`key ${i}`)).toBe(endpoints[0]);
    for (let i = 0; i < 10; i++) expect(balancer.pick()).toBe(endpoints[0]);
  });

  it('chooses only endpoints of the newest list, through many lists', () => {
    const { balancer, list, random } = open();
    for (let round = 0; round < 300; round++) {
      const { endpoints } = list(random.below(12), random.below(5));
      const listed = new Set(endpoints);
      for (let i = 0; i < 25; i++) {
        const endpoint = balancer.pick(i % 2 === 0 ? undefined : `key ${i % 7}`);
        expect(endpoint === undefined ? listed.size === 0 : listed.has(endpoint)).toBe(true);
      }
    }
  });

  it('chooses from one when all others have left', () => {
    const { balancer, list } = open();
    list(8);
    for (let i = 0; i < 5; i++) balancer.pick();
    const [survivor] = list(1, 3).endpoints;
    for (let i = 0; i < 5; i++) expect(balancer.pick()).toBe(survivor);
  });

  it('chooses the very objects of the list, when an address comes back as another one too', () => {
    const { balancer, list } = open();
    list(3);
    balancer.pick();
    // A fresh service beside it knows the same addresses by objects of its own.
    const { endpoints, addresses } = open().list(3);
    balancer.update({ version: 9, endpoints, addresses });
    for (let i = 0; i < 30; i++) expect(endpoints.includes(balancer.pick()!)).toBe(true);
  });

  it('chooses by any key: an empty one, a long one, one in another script', () => {
    const { balancer, list } = open();
    const { endpoints } = list(4);
    for (const key of ['', ' ', '0', '__proto__', 'клиент-7', '顧客', '\ud800', 'x'.repeat(100_000)]) {
      expect(endpoints.includes(balancer.pick(key)!)).toBe(true);
    }
  });
}
