import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConsulOptions, completeConsul } from '../../src/consul/options.ts';

const at = (options: ConsulOptions, env: NodeJS.ProcessEnv = {}) => {
  const { secure, host, port, socketPath, pathPrefix } = completeConsul(options, env).target;
  const where = socketPath === undefined ? `${host}:${port}${pathPrefix}` : `unix:${socketPath}`;
  return `${secure ? 'https' : 'http'} ${where}`;
};
const refusal = (options: object, env: NodeJS.ProcessEnv = {}) => {
  try {
    completeConsul(options, env);
  } catch (error) {
    return error as Error;
  }
  throw new Error('it was accepted');
};

describe('where Consul is', () => {
  it.each([
    ['127.0.0.1:8500', 'http 127.0.0.1:8500'],
    ['127.0.0.1', 'http 127.0.0.1:80'],
    ['consul.example', 'http consul.example:80'],
    ['http://consul.example:8500', 'http consul.example:8500'],
    ['http://consul.example', 'http consul.example:80'],
    ['http://consul.example:80', 'http consul.example:80'],
    ['https://consul.example', 'https consul.example:443'],
    ['https://consul.example:8501', 'https consul.example:8501'],
    ['https://proxy.example/consul', 'https proxy.example:443/consul'],
    ['https://proxy.example/consul/', 'https proxy.example:443/consul'],
    ['http://127.0.0.1:8500/', 'http 127.0.0.1:8500'],
    ['[::1]:8500', 'http ::1:8500'],
    ['https://[::1]:8501', 'https ::1:8501'],
    ['unix:///run/consul.sock', 'http unix:/run/consul.sock'],
    ['unix://consul.sock', 'http unix:consul.sock'],
  ])('is read from %s as by the command line, as option and as CONSUL_HTTP_ADDR', (address, expected) => {
    expect(at({ address })).toBe(expected);
    expect(at({}, { CONSUL_HTTP_ADDR: address })).toBe(expected);
  });

  it.each([
    [{}, {}, 'http 127.0.0.1:8500'],
    [{}, { CONSUL_HTTP_ADDR: '' }, 'http 127.0.0.1:8500'],
    // As the command line does it: the port stays.
    [{}, { CONSUL_HTTP_SSL: 'true' }, 'https 127.0.0.1:8500'],
    [{}, { CONSUL_HTTP_SSL: '1', CONSUL_HTTP_ADDR: 'consul:8501' }, 'https consul:8501'],
    [{}, { CONSUL_HTTP_SSL: 't', CONSUL_HTTP_ADDR: 'consul' }, 'https consul:443'],
    [{}, { CONSUL_HTTP_SSL: 'true', CONSUL_HTTP_ADDR: 'http://consul:8501' }, 'https consul:8501'],
    [{}, { CONSUL_HTTP_SSL: 'false', CONSUL_HTTP_ADDR: 'https://consul:8501' }, 'https consul:8501'],
    [{}, { CONSUL_HTTP_SSL: 'true', CONSUL_HTTP_ADDR: 'unix:///c.sock' }, 'https unix:/c.sock'],
    [{ address: 'http://other:8500' }, { CONSUL_HTTP_SSL: 'true' }, 'http other:8500'],
    [{ address: 'other:8500' }, { CONSUL_HTTP_SSL: 'true' }, 'https other:8500'],
    [{ address: 'other:8500' }, { CONSUL_HTTP_ADDR: 'consul:8500' }, 'http other:8500'],
    [{ secure: true }, {}, 'https 127.0.0.1:8501'],
    [{ secure: true }, { CONSUL_HTTP_ADDR: 'consul:8500' }, 'https consul:8500'],
    [{ secure: false }, { CONSUL_HTTP_SSL: 'true' }, 'http 127.0.0.1:8500'],
    [{ host: 'consul' }, { CONSUL_HTTP_ADDR: 'other:1' }, 'http consul:8500'],
    [{ host: '::1' }, {}, 'http ::1:8500'],
    [{ host: '[::1]', httpPort: 1 }, {}, 'http ::1:1'],
    [{ host: 'consul', secure: true }, {}, 'https consul:8501'],
    [{ httpPort: 18_500 }, {}, 'http 127.0.0.1:18500'],
  ])('%j with %j is %s', (options, env, expected) => {
    expect(at(options, env)).toBe(expected);
  });

  it.each([
    'tcp://127.0.0.1:8500',
    'unix://',
    'http://',
    '127.0.0.1:8500?dc=dc2',
    'http://consul:8500#x',
    'consul:port',
    '::1',
    'a b',
  ])('is not in %s', (address) => {
    expect(refusal({ address }).message).toMatch(/^createConsul\.address: expected an address like/);
    expect(refusal({}, { CONSUL_HTTP_ADDR: address }).message).toMatch(
      /^CONSUL_HTTP_ADDR: expected an address/,
    );
  });

  it('is not said twice, nor against itself', () => {
    expect(refusal({ address: 'a:1', host: 'b' }).message).toContain('give one of them');
    expect(refusal({ address: 'http://a:1', secure: true }).message).toContain('contradict');
    expect(refusal({ host: 'http://a' }).message).toContain('createConsul.host');
    expect(refusal({ host: 'a:8500' }).message).toContain('createConsul.host');
  });

  it('with a password in it is refused without showing it', () => {
    for (const address of ['http://me:canary@consul:8500', 'me:canary@consul:8500']) {
      const error = refusal({ address });
      expect(error.message).toContain('`auth`');
      expect(inspect(error)).not.toContain('canary');
    }
  });

  it.each([
    [{ host: 'consul' }, 'consul:8600'],
    [{ host: '::1', dnsPort: 53 }, '[::1]:53'],
    [{ dnsPort: 53 }, '127.0.0.1:53'],
    [{ address: 'unix:///c.sock', dnsPort: 53 }, '127.0.0.1:53'],
    [{ address: 'consul:8500' }, undefined],
  ])('%j: its DNS is at %s', (options, expected) => {
    expect(completeConsul(options, {}).dnsAddress).toBe(expected);
  });
});

describe('the token', () => {
  const env = { CONSUL_HTTP_TOKEN: 'of-env', CONSUL_HTTP_TOKEN_FILE: '/file/of/env' };

  it.each([
    [{}, env, 'of-env', '/file/of/env'],
    [{ token: 'mine' }, env, 'mine', undefined],
    [{ tokenFile: '/mine' }, env, undefined, '/mine'],
    [{}, { CONSUL_HTTP_TOKEN: '' }, undefined, undefined],
  ])(
    'of %j with %j: options come first, and a file is given on with what holds while it is empty',
    (options, given, token, tokenFile) => {
      expect(completeConsul(options, given)).toMatchObject({ token, tokenFile });
    },
  );

  it('is one word, and is not shown where it is not', () => {
    for (const error of [
      refusal({ token: 'canary\n' }),
      refusal({ token: 'canäry canary' }),
      refusal({}, { CONSUL_HTTP_TOKEN: 'canary canary' }),
      refusal({ token: 'canary', tokenFile: '/canary' }),
      refusal({ auth: 'me:canary\n' }),
      refusal({ tls: { key: 5 } }),
    ]) {
      expect(error).toMatchObject({ code: 'ERR_INVALID_OPTION' });
      expect(inspect(error)).not.toContain('canary');
    }
  });
});

describe('other settings', () => {
  it('come from the environment', () => {
    const env = { CONSUL_NAMESPACE: 'ns1', CONSUL_PARTITION: 'p1', CONSUL_HTTP_AUTH: 'me:secret' };
    expect(completeConsul({}, env)).toMatchObject({ namespace: 'ns1', partition: 'p1', auth: 'me:secret' });
    expect(completeConsul({ namespace: 'ns2', auth: 'you:' }, env)).toMatchObject({
      namespace: 'ns2',
      auth: 'you:',
    });
  });

  it('know a user without a password', () => {
    expect(completeConsul({}, { CONSUL_HTTP_AUTH: 'me' }).auth).toBe('me:');
  });

  it('are refused by name where they are unknown or impossible', () => {
    expect(refusal({ adress: 'x' }).message).toContain('unknown option "adress"');
    expect(refusal({ timeout: 0 }).message).toMatch(
      /^createConsul\.timeout: expected a number from 1 to 600000/,
    );
    expect(refusal({ tls: { cafile: 'x' } }).message).toContain('createConsul.tls: unknown option "cafile"');
    expect(refusal({}, { CONSUL_HTTP_SSL: 'maybe' }).message).toBe(
      'CONSUL_HTTP_SSL: expected true or false, got "maybe".',
    );
    // The command line turns verification off here, with a line in its log.
    expect(refusal({}, { CONSUL_HTTP_SSL_VERIFY: 'maybe' }).message).toContain('CONSUL_HTTP_SSL_VERIFY');
  });
});

describe('TLS', () => {
  let directory: string;
  const file = (name: string) => join(directory, name);

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'consul-tls-'));
    for (const name of ['one', 'two']) {
      const made = ['-keyout', file(`${name}.key`), '-out', file(`${name}.pem`), '-subj', `/CN=${name}`];
      const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
      execFileSync('openssl', [...args, ...made], { stdio: 'ignore' });
    }
    mkdirSync(file('many/below'), { recursive: true });
    writeFileSync(file('many/one.pem'), readFileSync(file('one.pem')));
    symlinkSync(file('two.pem'), file('many/below/two.pem'));
    writeFileSync(file('many/README'), 'no certificate');
    writeFileSync(file('broken.pem'), '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n');
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const tls = (options: object, env: NodeJS.ProcessEnv = {}) =>
    completeConsul({ secure: true, tls: options }, env).tls;
  const text = (name: string) => readFileSync(file(name), 'utf8');

  it('takes files from options and from the environment, options first', () => {
    const env = {
      CONSUL_CACERT: file('one.pem'),
      CONSUL_CLIENT_CERT: file('one.pem'),
      CONSUL_CLIENT_KEY: file('one.key'),
      CONSUL_TLS_SERVER_NAME: 'server.dc1.consul:8501',
    };
    const one = { cert: text('one.pem'), key: text('one.key') };
    expect(tls({}, env)).toEqual({
      ca: [text('one.pem')],
      ...one,
      serverName: 'server.dc1.consul',
      verify: true,
    });
    const two = {
      caFile: file('two.pem'),
      certFile: file('two.pem'),
      keyFile: file('two.key'),
      serverName: 'x',
    };
    expect(tls(two, env)).toMatchObject({ ca: [text('two.pem')], key: text('two.key'), serverName: 'x' });
    expect(tls({ ca: text('two.pem') }, env).ca).toEqual([text('two.pem')]);
  });

  it('takes all certificates below a directory', () => {
    const both = [text('one.pem'), text('two.pem')].sort();
    expect([...tls({ caPath: file('many') }).ca!].sort()).toEqual(both);
    expect([...tls({}, { CONSUL_CAPATH: file('many') }).ca!].sort()).toEqual(both);
    const env = { CONSUL_CAPATH: file('many'), CONSUL_CACERT: file('one.pem') };
    expect(tls({}, env).ca).toEqual([text('one.pem')]);
    expect(() => tls({ caPath: file('many/below/..') })).not.toThrow();
    mkdirSync(file('none'), { recursive: true });
    expect(() => tls({ caPath: file('none') })).toThrow('there is no certificate in');
  });

  it('verifies unless it is told not to', () => {
    expect(tls({}).verify).toBe(true);
    expect(tls({}, { CONSUL_HTTP_SSL_VERIFY: 'false' }).verify).toBe(false);
    expect(tls({ verify: true }, { CONSUL_HTTP_SSL_VERIFY: '0' }).verify).toBe(true);
  });

  it('refuses at once what cannot work', () => {
    expect(() => tls({ caFile: file('away.pem') })).toThrow(/createConsul: cannot read .*away\.pem/);
    expect(() => tls({ certFile: file('one.pem') })).toThrow('needed together');
    expect(() => tls({ certFile: file('one.pem'), keyFile: file('two.key') })).toThrow(
      'TLS does not take these',
    );
    expect(() => tls({ caFile: file('broken.pem') })).toThrow('TLS does not take these');
    expect(() => completeConsul({ tls: { serverName: 'x' } }, {})).toThrow('`tls` is for https');
  });

  it('does not look at the files of the environment where there is no TLS', () => {
    expect(() => completeConsul({}, { CONSUL_CACERT: file('away.pem') })).not.toThrow();
  });
});
