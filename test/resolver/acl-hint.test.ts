import { describe, expect, it } from 'vitest';
import { inTime, nodata, nxdomain, type Said, scriptedDns } from './scripted-dns.ts';

/** Nothing is found; `servers` is the answer to NS of the domain. */
const denied =
  (servers: Said | undefined) =>
  ({ type }: { type: string }) =>
    type === 'NS' ? servers : nxdomain;
const oneServer: Said = { answers: [{ name: 'consul', ttl: 0, type: 'NS', target: 'n1.node.dc1.consul' }] };
const aclWords = 'hints at the ACL';

describe('the hint of a missing permission (F5.20)', () => {
  it('is given where the agent shows no servers either', async () => {
    const { code, message } = await scriptedDns(denied(nodata)).refusal();
    expect(code).toBe('ERR_SERVICE_NOT_FOUND');
    expect(message).toContain(aclWords);
    expect(message).toContain('service:read and node:read');
  });

  it.each<[string, Said | undefined]>([
    ['servers', oneServer],
    ['no answer', undefined],
    ['an error', { rcode: 'SERVFAIL' }],
  ])('is not given where the question for servers brings %s', async (_, servers) => {
    const { code, message } = await scriptedDns(denied(servers)).refusal();
    expect(code).toBe('ERR_SERVICE_NOT_FOUND');
    expect(message).not.toContain(aclWords);
  });

  it('holds the error up by half a second at most, however many servers are silent', async () => {
    const dns = scriptedDns(denied(undefined), {
      servers: ['192.0.2.1:1', '192.0.2.2:1', '192.0.2.3:1'],
      retries: 2,
    });
    const started = dns.clock.now();
    await dns.refusal();
    expect(dns.clock.now() - started).toBeLessThanOrEqual(500);
  });

  it('holds up nobody who leaves', async () => {
    const dns = scriptedDns(denied(undefined));
    const leaver = new AbortController();
    const reason = new Error('enough');
    const work = dns.resolver.resolve({ service: 'web' }, { signal: leaver.signal, background: true });
    work.catch(() => {});
    await dns.clock.advance(100);
    leaver.abort(reason);
    await expect(inTime(dns.clock, work)).rejects.toBe(reason);
  });

  it('is asked for once a minute, for all names of all services', async () => {
    const dns = scriptedDns(denied(nodata));
    const counts: number[] = [];
    for (let round = 0; round < 5; round++) {
      await dns.refusal('web');
      await dns.refusal('other');
      counts.push(dns.asks().filter((ask) => ask.startsWith('NS')).length);
      await dns.clock.advance(25_000);
    }
    expect(counts).toEqual([1, 0, 0, 1, 0]);
  });

  it('is asked for in the domain that is set', async () => {
    const dns = scriptedDns(denied(nodata), { domain: 'alt.local' });
    await dns.refusal('web.service.alt.local');
    expect(dns.heard.at(-1)).toMatchObject({ type: 'NS', name: 'alt.local' });
  });

  it('is only asked for where Consul said that there is nothing', async () => {
    const dns = scriptedDns(() => ({ rcode: 'SERVFAIL' }));
    await dns.refusal();
    expect(dns.asks()).toEqual(['SRV udp 1232']);
  });
});
