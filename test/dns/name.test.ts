import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  askableHost,
  canonicalName,
  dnsName,
  parseServiceName,
  type ServiceName,
} from '../../src/dns/name.ts';

const parsed = (text: string | ServiceName) => parseServiceName(text);
const asked = (text: string | ServiceName) => dnsName(parseServiceName(text));
const refusal = (input: unknown): { code?: string; message: string } => {
  try {
    parseServiceName(input as string);
  } catch (error) {
    return error as Error;
  }
  throw new Error('was accepted');
};

describe('names people write', () => {
  it.each([
    ['web', { service: 'web' }, 'web.service.consul'],
    ['web.service.consul', { service: 'web' }, 'web.service.consul'],
    ['web.service.consul.', { service: 'web' }, 'web.service.consul'],
    ['v1.web.service.consul', { service: 'web', tag: 'v1' }, 'v1.web.service.consul'],
    [
      'v1.web.service.dc2.consul',
      { service: 'web', tag: 'v1', datacenter: 'dc2' },
      'v1.web.service.dc2.consul',
    ],
    ['web.service.dc2.dc.consul', { service: 'web', datacenter: 'dc2' }, 'web.service.dc2.consul'],
    ['v1.2.3.web.service.consul', { service: 'web', tag: 'v1.2.3' }, 'v1.2.3.web.service.consul'],
    ['_web._tcp.service.consul', { service: 'web' }, 'web.service.consul'],
    ['_web._tcp.consul', { service: 'web' }, 'web.service.consul'],
    ['_web._tcp.dc2.consul', { service: 'web', datacenter: 'dc2' }, 'web.service.dc2.consul'],
    ['_web._v1.service.consul', { service: 'web', tag: 'v1' }, 'v1.web.service.consul'],
    ['_web._udp.service.consul', { service: 'web', tag: 'udp' }, 'udp.web.service.consul'],
    ['nearest.query.consul', { query: 'nearest' }, 'nearest.query.consul'],
    ['my.near.query.dc2.consul', { query: 'my.near', datacenter: 'dc2' }, 'my.near.query.dc2.consul'],
    ['_nearest._tcp.query.consul', { query: 'nearest' }, 'nearest.query.consul'],
    ['WEB.Service.Consul', { service: 'WEB' }, 'WEB.service.consul'],
  ])('%s', (text, name, question) => {
    expect(parsed(text)).toEqual(name);
    expect(asked(text)).toBe(question);
  });

  it('says a service and a tag that both start with an underscore the only way Consul understands (F1.4)', () => {
    expect(asked({ service: '_web', tag: '_v1' })).toBe('__web.__v1.service.consul');
    expect(parsed('__web.__v1.service.consul')).toEqual({ service: '_web', tag: '_v1' });
    expect(refusal({ service: '_web', tag: `_${'x'.repeat(62)}` }).message).toContain(
      'both start with an underscore',
    );
  });

  it('knows another domain', () => {
    expect(parseServiceName('v1.web.service.example.org', 'example.org')).toEqual({
      service: 'web',
      tag: 'v1',
    });
    expect(dnsName({ service: 'web' }, 'example.org')).toBe('web.service.example.org');
  });

  it('gives one canonical name to all spellings of one thing', () => {
    const spellings = [
      'v1.web.service.consul',
      'V1.WEB.SERVICE.CONSUL.',
      '_web._v1.service.consul',
      { service: 'Web', tag: 'v1' },
    ];
    expect(new Set(spellings.map((name) => canonicalName(parsed(name)))).size).toBe(1);
  });
});

describe('names that are refused, before anything is sent', () => {
  it.each([
    ['my.dotted', 'A dot separates a tag from a service'],
    [{ service: 'my.dotted' }, 'Mean a tag? Write { service: "dotted", tag: "my" }'],
    ['web.example.com', 'neither a bare service name nor a full name that ends in .consul'],
    ['web.consul', 'does not say what it names'],
    ['web.service.dc1.extra.consul', 'where only a datacenter can stand'],
    ['web.service.prod.ns.consul', 'where only a datacenter can stand'],
    ['x.node.consul', 'is a ".node" name, not a service'],
    ['web.connect.consul', 'is a ".connect" name, not a service'],
    ['service.consul', 'names nothing'],
    ['', 'is empty'],
    ['a..web.service.consul', 'is empty'],
    ['has space', 'a character that Consul'],
    ['ünï', 'a character that Consul'],
    ['web\u0000', 'a character that Consul'],
    ['x'.repeat(64), 'a DNS label holds 63'],
    [
      { service: 'web', tag: `${'y'.repeat(63)}.${'y'.repeat(63)}.${'y'.repeat(63)}.${'y'.repeat(63)}` },
      'DNS allows 253',
    ],
    [{ service: 'web', datacenter: 'dc1.service' }, 'a character that Consul'],
    [{ service: 'web', datacenter: 'service' }, 'would take it for a kind of lookup'],
    [{ service: 'web', color: 'red' }, 'Unknown key "color"'],
    [{ query: 'q', tag: 'v1' }, 'Unknown key "tag"'],
    [{}, 'must be a string, not undefined'],
    [null, 'not by null'],
    [7, 'not by number'],
  ])('%j', (input, words) => {
    const { code, message } = refusal(input);
    expect(code).toBe('ERR_INVALID_NAME');
    expect(message).toContain(words);
  });
});

describe('for all inputs', () => {
  it('a text is refused, or asks for a name of legal labels under the domain and nothing else', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.stringMatching(/^[a-z0-9_.]{1,40}(\.service)?(\.consul)?$/)),
        (text) => {
          let name: ServiceName;
          try {
            name = parsed(text);
          } catch (error) {
            expect((error as { code: string }).code).toBe('ERR_INVALID_NAME');
            return;
          }
          const question = dnsName(name);
          expect(question).toMatch(
            /^([A-Za-z0-9_/=-]{1,63}\.)+(service|query)(\.[A-Za-z0-9_/=-]{1,63})?\.consul$/,
          );
          expect(canonicalName(parsed(question))).toBe(canonicalName(name));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('a typed name survives the way through its DNS name', () => {
    const label = fc
      .stringMatching(/^[a-z0-9_-]{1,20}$/)
      .filter((text) => !/^(service|connect|ingress|node|query|addr|virtual)$/.test(text));
    const tag = fc.array(label, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('.'));
    const some = fc.record({
      service: label,
      tag: fc.option(tag, { nil: undefined }),
      datacenter: fc.option(label, { nil: undefined }),
    });
    fc.assert(
      fc.property(some, (given) => {
        const name = parsed(given as ServiceName);
        // "tcp" is the one tag RFC 2782 names cannot say.
        fc.pre(!('tag' in name && name.tag === '_tcp' && 'service' in name && name.service.startsWith('_')));
        expect(parsed(dnsName(name))).toEqual(name);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('names that servers send', () => {
  it('are asked for only when they are host names', () => {
    expect(askableHost('Node_Upper.node.dc1.CONSUL.')).toBe('node_upper.node.dc1.consul');
    for (const bad of [
      '',
      '.',
      'a..b',
      'has space.com',
      `${'x'.repeat(64)}.com`,
      'x'.repeat(300),
      'a\u0000b',
    ]) {
      expect(askableHost(bad), bad).toBe(undefined);
    }
  });
});
