import { describe, expect, it } from 'vitest';
import { type HostOptions, Hosts } from '../../src/adapter/hosts.ts';
import type { AdapterHost } from '../../src/adapter-host.ts';
import { InvalidNameError, InvalidOptionError } from '../../src/errors.ts';

/** What an adapter asks its discovery for, in words: `web.service.consul`, `x.node.consul:8080`. */
function hosts(options?: HostOptions, domain = 'consul') {
  const asked: string[] = [];
  const host = {
    domain,
    service: (name: string, port?: number) => {
      asked.push(port === undefined ? name : `${name}:${port}`);
      return { name };
    },
  } as unknown as AdapterHost;
  const known = new Hosts(host, options);
  return {
    known,
    asked,
    ask: (name: string, port: string | number | undefined = '', secure = false) =>
      known.service(name, port, secure),
  };
}

describe('a host under the domain', () => {
  it.each([
    'web.service.consul',
    'v1.web.service.dc2.consul',
    '_web._tcp.service.consul',
    '_web._v1.service.consul',
    'nearest.query.consul',
    'web.connect.consul',
    'WEB.Service.Consul',
    'web.service.consul.',
  ])('means a service: %s', (name) => {
    const { ask, asked } = hosts();
    expect(ask(name)).toBeDefined();
    expect(asked).toEqual([name.toLowerCase().replace(/\.$/, '')]);
  });

  it.each([
    ['', false, 80],
    [undefined, false, 80],
    ['', true, 443],
    ['8080', false, 8080],
    [8080, true, 8080],
  ])('that is a node has the port %j of the URL (TLS: %s): %i', (port, secure, expected) => {
    const { ask, asked } = hosts();
    ask('db-1.node.consul', port, secure);
    expect(asked).toEqual([`db-1.node.consul:${expected}`]);
  });

  it.each([
    ['80', false],
    ['443', true],
    [80, false],
  ])('may be called at the port of its scheme: %j', (port, secure) => {
    const { ask, asked } = hosts();
    ask('web.service.consul', port, secure);
    expect(asked).toEqual(['web.service.consul']);
  });

  it.each([
    ['8080', false],
    ['80', true],
    ['443', false],
  ])('may not be called at another: %j (TLS: %s)', (port, secure) => {
    const { ask, asked } = hosts();
    expect(() => ask('web.service.consul', port, secure)).toThrow(InvalidNameError);
    expect(() => ask('web.service.consul', port, secure)).toThrow(
      `web.service.consul:${port}: Consul says at which port each instance of a service listens. Leave the port out of the URL, or give the adapter port: 'override' to call every instance at the URL's port.`,
    );
    expect(asked).toEqual([]);
  });

  it('may be called at another port where the user says so', () => {
    const { ask, asked } = hosts({ port: 'override' });
    ask('web.service.consul', '8080');
    ask('web.service.consul');
    expect(asked).toEqual(['web.service.consul:8080', 'web.service.consul']);
  });

  it.each(['web.nonsense.consul', 'service.consul', '.service.consul', 'a b.service.consul'])(
    'that cannot be asked for is refused each time: %s',
    (name) => {
      const { ask } = hosts();
      let first: unknown;
      try {
        ask(name);
      } catch (error) {
        first = error;
      }
      expect(first).toBeInstanceOf(InvalidNameError);
      // A new one for each request: a stack belongs to one place.
      expect(() => ask(name)).toThrow((first as Error).message);
      try {
        ask(name);
      } catch (error) {
        expect(error).not.toBe(first);
      }
    },
  );
});

describe('a host elsewhere', () => {
  it.each([
    'example.com',
    'consul',
    'web.service.consul.example.com',
    'web.serviceconsul',
    'notconsul',
    '127.0.0.1',
    '[::1]',
    'localhost',
    '',
    '.',
  ])('is none of their business: %j', (name) => {
    const { ask, asked } = hosts();
    expect(ask(name, '8080')).toBeUndefined();
    expect(ask(name, '8080')).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it('goes by the domain of the discovery', () => {
    const { ask, asked } = hosts({}, 'internal.example');
    expect(ask('web.service.consul')).toBeUndefined();
    expect(ask('web.service.internal.example')).toBeDefined();
    expect(asked).toEqual(['web.service.internal.example']);
  });
});

describe('what is remembered of hosts', () => {
  it('is their meaning, not the service: that may be closed and made again', () => {
    const { ask, asked } = hosts();
    const first = ask('web.service.consul');
    expect(ask('web.service.consul')).not.toBe(first);
    expect(asked).toHaveLength(2);
  });

  it('is told apart by port and by scheme', () => {
    const { ask, asked } = hosts();
    ask('db.node.consul');
    ask('db.node.consul', '', true);
    ask('db.node.consul', '1');
    ask('db.node.consul');
    expect(asked).toEqual([
      'db.node.consul:80',
      'db.node.consul:443',
      'db.node.consul:1',
      'db.node.consul:80',
    ]);
  });

  it('is forgotten where there is too much of it, and found out again', () => {
    const { ask, asked } = hosts();
    for (let i = 0; i < 2_500; i++) ask(`s${i}.service.consul`);
    ask('s0.service.consul');
    expect(asked).toHaveLength(2_501);
    expect(asked.at(-1)).toBe('s0.service.consul');
  });
});

describe('bad options of a service', () => {
  it("are the discovery's to refuse", () => {
    const host = {
      domain: 'consul',
      service: () => {
        throw new InvalidOptionError('no');
      },
    } as unknown as AdapterHost;
    expect(() => new Hosts(host).service('web.service.consul', '', false)).toThrow(InvalidOptionError);
  });
});
