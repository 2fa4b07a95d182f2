import { describe, expect, it } from 'vitest';
import { fixed } from '../../src/resolver/fixed.ts';

const refusalOf = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    return error;
  }
};

describe('fixed', () => {
  it('is the same for every name, complete, in the canonical spelling', async () => {
    const resolver = fixed(['10.0.0.1:80', '[2001:DB8:0::5]:443', { host: '10.0.0.2', port: 81, weight: 7 }]);
    const one = await resolver.resolve({ service: 'web' });
    expect(one).toMatchObject({
      addresses: [
        { host: '10.0.0.1', port: 80, priority: 1, weight: 1 },
        { host: '2001:db8::5', port: 443, priority: 1, weight: 1 },
        { host: '10.0.0.2', port: 81, priority: 1, weight: 7 },
      ],
      complete: true,
      origin: { server: 'fixed' },
    });
    expect(await resolver.resolve({ query: 'other' })).toBe(one);
  });

  it('takes all that an address can say', async () => {
    const address = {
      host: '10.0.0.1',
      port: 80,
      priority: 2,
      weight: 0,
      rank: 3,
      target: 'a.example',
      serverName: 'a.example',
      node: 'n1',
      datacenter: 'dc1',
      tags: ['v1', ''],
      meta: { rack: 'r1' },
    };
    expect((await fixed([address]).resolve({ service: 'web' })).addresses).toEqual([address]);
  });

  it("rejects with the signal's reason", async () => {
    const reason = new Error('enough');
    const work = fixed(['10.0.0.1:80']).resolve({ service: 'web' }, { signal: AbortSignal.abort(reason) });
    await expect(work).rejects.toBe(reason);
  });

  it.each([
    ['10.0.0.1', 'fixed[1]: "10.0.0.1" is not an address; expected \'IP:port\''],
    ['localhost:80', 'is not an address'],
    ['::1:80', 'IPv6 in brackets'],
    ['10.0.0.1:0', 'a port of 1…65535'],
    ['10.0.0.1:65536', 'a port of 1…65535'],
    [{ host: '10.0.0.1' }, 'is not an address'],
    [{ host: '10.0.0.1', port: 80, weight: -1 }, 'fixed[1].weight'],
    [{ host: '10.0.0.1', port: 80, tags: 'v1' }, 'fixed[1].tags: expected a list of strings'],
    [{ host: '10.0.0.1', port: 80, meta: { rack: 1 } }, 'fixed[1].meta'],
    [{ host: '10.0.0.1', port: 80, colour: 'red' }, 'unknown option "colour"'],
    [undefined, 'fixed[1]'],
  ])('refuses %j', (given, words) => {
    expect(refusalOf(() => fixed(['10.0.0.1:80', given as never]))).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringContaining(words),
    });
  });
});
