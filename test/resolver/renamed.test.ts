import { describe, expect, it } from 'vitest';
import type { ServiceName } from '../../src/dns/name.ts';
import { renamed } from '../../src/resolver/renamed.ts';
import type { Resolver } from '../../src/resolver/resolver.ts';
import { scriptedSource } from '../scripted-source.ts';

function world(change: Parameters<typeof renamed>[1]) {
  const names: ServiceName[] = [];
  const source = scriptedSource();
  const noted: Resolver = {
    resolve(name, options) {
      names.push(name);
      return source.resolve(name, options);
    },
  };
  const resolver = renamed(noted, change);
  return { names, resolver, source };
}

describe('renamed', () => {
  it('asks for the changed name, whatever stood there', async () => {
    const { names, resolver } = world({ datacenter: 'dc2' });
    await resolver.resolve({ service: 'web', tag: 'v1' });
    await resolver.resolve({ service: 'web', datacenter: 'dc1' });
    await resolver.resolve({ query: 'nearest' });
    expect(names).toEqual([
      { service: 'web', tag: 'v1', datacenter: 'dc2' },
      { service: 'web', datacenter: 'dc2' },
      { query: 'nearest', datacenter: 'dc2' },
    ]);
  });

  it('takes a name in text as well', async () => {
    const { names, resolver } = world({ datacenter: 'dc2' });
    await resolver.resolve('v1.web.service.consul' as never);
    expect(names).toEqual([{ service: 'web', tag: 'v1', datacenter: 'dc2' }]);
  });

  it('hands the question and the answer on', async () => {
    const { resolver, source } = world({ tag: 'canary' });
    const asked = { fresh: true, background: true, after: '7' };
    expect((await resolver.resolve({ service: 'web' }, asked)).addresses).toHaveLength(3);
    expect(source.asked).toEqual([asked]);
  });

  it('rejects for a name that has no such part', async () => {
    const { resolver } = world({ tag: 'canary' });
    await expect(resolver.resolve({ query: 'nearest' })).rejects.toMatchObject({ code: 'ERR_INVALID_NAME' });
  });

  it.each([
    [{}, 'ERR_INVALID_OPTION'],
    [{ port: 80 }, 'ERR_INVALID_OPTION'],
    [{ tag: '' }, 'ERR_INVALID_OPTION'],
    [{ datacenter: 'no such place' }, 'ERR_INVALID_NAME'],
  ])('refuses %j', (change, code) => {
    expect(() => world(change as never)).toThrowError(expect.objectContaining({ code }));
  });
});
