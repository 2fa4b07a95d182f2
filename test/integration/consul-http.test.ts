import { execFile, execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Consul, type ConsulOptions, createConsul } from '../../src/consul/index.ts';
import { completeConsul } from '../../src/consul/options.ts';
import { type Agent, describeWithConsul, findConsul, startAgent } from './consul-agent.ts';
import { freePorts } from './free-ports.ts';

const found = await findConsul();
const [major = 0, minor = 0] = found.kind === 'binary' ? found.version.split('.').map(Number) : [1, 22];
const directory = mkdtempSync(join(tmpdir(), 'consul-http-'));
const file = (name: string) => join(directory, name);
afterAll(() => rmSync(directory, { recursive: true }));

const opened: Consul[] = [];
const open = (options: ConsulOptions) => {
  const consul = createConsul(options);
  opened.push(consul);
  return consul;
};
afterEach(async () => {
  for (const consul of opened.splice(0)) await consul.close();
});

/** Files and sockets of this machine are not those of a container. */
const describeWithBinary = (title: string, suite: () => void) => {
  if (found.kind === 'docker')
    console.warn(`skipped: ${title}: needs a consul binary, and there is only an image`);
  else describeWithConsul(title, suite);
};

describeWithConsul('requests to real Consul', () => {
  let agent: Agent;
  beforeAll(async () => {
    agent = await startAgent();
  });
  afterAll(() => agent.stop());

  it('reach every kind of endpoint', async () => {
    const consul = open({ address: agent.httpAddress });
    const self = await consul.request<{ Config: { Version: string } }>('GET', '/v1/agent/self');
    expect(self.body.Config.Version).toBe(agent.version);
    const nodes = await consul.request<{ Node: string }[]>('GET', '/v1/catalog/nodes');
    expect(nodes).toMatchObject({
      status: 200,
      knownLeader: true,
      lastContact: 0,
      body: [{ Node: 'agent' }],
    });
    expect(nodes.index).toBeGreaterThan(0);
    expect((await consul.request('GET', '/v1/status/leader')).body).toBe(`127.0.0.1:${agent.ports.server}`);
    expect((await consul.request('GET', '/v1/health/state/any')).body).toBeInstanceOf(Array);
    expect((await consul.request('GET', '/v1/session/list')).body).toEqual([]);
    const event = await consul.request('PUT', '/v1/event/fire/hello', { body: 'there' });
    expect(event.body).toMatchObject({ Name: 'hello' });
    const txn = await consul.request('PUT', '/v1/txn', {
      body: [{ KV: { Verb: 'set', Key: 'txn', Value: Buffer.from('x').toString('base64') } }],
    });
    expect(txn.body).toMatchObject({ Errors: null });
    expect((await consul.kv.get('txn'))?.value).toBe('x');
  });

  it('are refused in Consul’s own words', async () => {
    const consul = open({ address: agent.httpAddress });
    await expect(consul.request('GET', '/v1/nothing')).rejects.toMatchObject({
      code: 'ERR_CONSUL',
      status: 404,
    });
    await expect(consul.request('HEAD', '/v1/kv/a')).rejects.toMatchObject({ status: 405 });
    await expect(consul.request('POST', '/v1/kv/a')).rejects.toMatchObject({
      status: 405,
      body: 'method POST not allowed',
    });
    await expect(consul.request('PUT', '/v1/session/create', { body: { TTL: '1s' } })).rejects.toMatchObject({
      body: expect.stringContaining('Invalid Session TTL'),
    });
    // Consul would send us to another key.
    await expect(consul.request('GET', '/v1/kv/a//b')).rejects.toMatchObject({
      status: major > 1 || minor > 8 ? 307 : 301,
      message: expect.stringContaining('(to /v1/kv/a/b'),
    });
    await expect(open({ address: agent.httpAddress, namespace: 'n' }).kv.get('a')).rejects.toMatchObject({
      status: 400,
    });
    await expect(open({ address: agent.httpAddress, datacenter: 'dc9' }).kv.get('a')).rejects.toMatchObject({
      status: 500,
      body: expect.stringContaining('No path to datacenter'),
    });
  });

  it('are as consistent as they ask for', async () => {
    const consul = open({ address: agent.httpAddress });
    for (const consistency of ['default', 'stale', 'consistent'] as const) {
      const { knownLeader } = await consul.request('GET', '/v1/catalog/services', { consistency });
      expect(knownLeader).toBe(true);
    }
  });

  it('still find a connection beside 120 watches', async () => {
    const consul = open({ address: agent.httpAddress });
    const warnings: string[] = [];
    const hear = (warning: Error & { code?: string }) => warnings.push(warning.code ?? warning.name);
    process.on('warning', hear);
    const end = new AbortController();
    const watches = Array.from({ length: 120 }, (_, i) =>
      consul.kv.wait(`many/${i}`, 0, { signal: end.signal }),
    );
    const results = Promise.allSettled(watches);
    await expect.poll(() => warnings.length).toBe(1);
    for (let i = 0; i < 50; i++) await consul.kv.put('beside', String(i));
    await consul.kv.put('many/3', 'x');
    expect((await watches[3])?.value).toBe('x');
    end.abort();
    await results;
    process.off('warning', hear);
    expect(warnings).toEqual(['CONSUL_CONNECTIONS']);
  });

  it('go on after the agent was restarted, whose connections were kept', async () => {
    const consul = open({ address: agent.httpAddress });
    await Promise.all(Array.from({ length: 10 }, () => consul.request('GET', '/v1/agent/self')));
    await agent.restart();
    expect((await consul.request('GET', '/v1/agent/self')).status).toBe(200);
    expect(await consul.kv.put('after', '1')).toBe(true);
  });
});

describeWithBinary('the environment', () => {
  const cli = (env: Record<string, string>) =>
    new Promise<string>((resolve) => {
      const { path } = found as { path: string };
      execFile(path, ['catalog', 'datacenters'], { env, timeout: 30_000 }, (_error, stdout, stderr) =>
        resolve(stdout + stderr),
      );
    });

  it.each([
    { CONSUL_HTTP_ADDR: '127.0.0.1' },
    { CONSUL_HTTP_ADDR: '127.0.0.1:1' },
    { CONSUL_HTTP_ADDR: 'http://127.0.0.1' },
    { CONSUL_HTTP_ADDR: 'https://127.0.0.1' },
    { CONSUL_HTTP_ADDR: 'https://127.0.0.1:1' },
    { CONSUL_HTTP_ADDR: '127.0.0.1', CONSUL_HTTP_SSL: 'true' },
    { CONSUL_HTTP_ADDR: '127.0.0.1:1', CONSUL_HTTP_SSL: 'T' },
    { CONSUL_HTTP_ADDR: 'http://127.0.0.1:1', CONSUL_HTTP_SSL: '1' },
    { CONSUL_HTTP_ADDR: 'https://127.0.0.1:1', CONSUL_HTTP_SSL: 'false' },
    { CONSUL_HTTP_ADDR: '[::1]:1' },
    { CONSUL_HTTP_ADDR: 'unix:///not/there.sock' },
  ] as Record<string, string>[])('%j is read as the command line reads it', async (env) => {
    const said = await cli(env);
    const { target } = completeConsul({}, env);
    const host = target.host.includes(':') ? `[${target.host}]` : target.host;
    if (target.socketPath !== undefined) {
      expect(said).toContain(`dial unix ${target.socketPath}:`);
    } else {
      expect(said).toContain(`dial tcp ${host}:${target.port}:`);
      expect(said).toContain(`"${target.secure ? 'https' : 'http'}://`);
    }
  });

  it.each([
    { CONSUL_HTTP_ADDR: 'tcp://127.0.0.1:1' },
    { CONSUL_HTTP_ADDR: '127.0.0.1:1', CONSUL_CLIENT_CERT: '/dev/null' },
  ] as Record<string, string>[])('%j is refused as the command line refuses it', async (env) => {
    expect(await cli(env)).toMatch(/Error connecting to Consul agent/);
    expect(() => completeConsul({}, { ...env, CONSUL_HTTP_SSL: 'true' })).toThrow(
      /expected an address|needed together/,
    );
  });
});

describeWithBinary('Consul behind a socket in the file system', () => {
  it('is asked through it, by option and by CONSUL_HTTP_ADDR', async () => {
    const socket = file('consul.sock');
    const agent = await startAgent({ config: { addresses: { http: `127.0.0.1 unix://${socket}` } } });
    try {
      const consul = open({ address: `unix://${socket}` });
      expect(consul.address).toBe(`unix://${socket}`);
      await consul.kv.put('by-socket', 'yes');
      const watched = consul.kv.wait('later', 0);
      expect((await consul.kv.get('by-socket'))?.value).toBe('yes');
      await consul.kv.put('later', 'too');
      expect((await watched)?.value).toBe('too');
      process.env['CONSUL_HTTP_ADDR'] = `unix://${socket}`;
      expect((await open({}).kv.get('by-socket'))?.value).toBe('yes');
    } finally {
      delete process.env['CONSUL_HTTP_ADDR'];
      await agent.stop();
    }
  });
});

describeWithBinary('Consul behind TLS', () => {
  let agent: Agent;
  let https: number;
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const authority = (name: string) =>
    openssl(
      'req',
      '-x509',
      ...curve,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
      '-subj',
      `/CN=${name}`,
      '-days',
      '2',
    );
  const certificate = (name: string, by: string, names: string) => {
    openssl('req', ...curve, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    writeFileSync(file(`${name}.ext`), `subjectAltName=${names}\nextendedKeyUsage=serverAuth,clientAuth\n`);
    const signed = ['-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-CAcreateserial', '-days', '2'];
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      ...signed,
      '-extfile',
      `${name}.ext`,
      '-out',
      `${name}.pem`,
    );
  };

  beforeAll(async () => {
    authority('ca');
    authority('stranger');
    certificate('server', 'ca', 'DNS:server.dc1.consul');
    certificate('client', 'ca', 'DNS:client');
    certificate('foreign', 'stranger', 'DNS:client');
    [https = 0] = await freePorts(1);
    const files = { ca_file: file('ca.pem'), cert_file: file('server.pem'), key_file: file('server.key') };
    const verified = { verify_incoming: true };
    const config =
      major > 1 || minor >= 12
        ? { tls: { https: { ...files, ...verified } } }
        : { ...files, verify_incoming_https: true };
    agent = await startAgent({ config: { ...config, ports: { https } } });
  });
  afterAll(() => agent.stop());

  const tls = () => ({
    caFile: file('ca.pem'),
    certFile: file('client.pem'),
    keyFile: file('client.key'),
    serverName: 'server.dc1.consul',
  });
  const address = () => `https://127.0.0.1:${https}`;
  const failure = (options: ConsulOptions) =>
    open({ retries: 0, ...options })
      .request('GET', '/v1/agent/self')
      .then(
        () => Promise.reject(new Error('it was let in')),
        (error) => error,
      );

  it('is asked with an authority and a client certificate of one’s own', async () => {
    const consul = open({ address: address(), tls: tls() });
    await consul.kv.put('by-tls', 'yes');
    expect((await consul.kv.get('by-tls'))?.value).toBe('yes');
    const text = (name: string) => readFileSync(file(name), 'utf8');
    const inline = {
      ca: text('ca.pem'),
      cert: text('client.pem'),
      key: text('client.key'),
      serverName: 'server.dc1.consul',
    };
    expect(
      (await open({ host: '127.0.0.1', httpPort: https, secure: true, tls: inline }).kv.get('by-tls'))?.value,
    ).toBe('yes');
  });

  it('is asked as the environment of the command line says', async () => {
    const env = {
      CONSUL_HTTP_ADDR: `127.0.0.1:${https}`,
      CONSUL_HTTP_SSL: 'true',
      CONSUL_CACERT: file('ca.pem'),
      CONSUL_CLIENT_CERT: file('client.pem'),
      CONSUL_CLIENT_KEY: file('client.key'),
      CONSUL_TLS_SERVER_NAME: 'server.dc1.consul',
    };
    Object.assign(process.env, env);
    try {
      expect((await open({}).request('GET', '/v1/agent/self')).status).toBe(200);
      const { path } = found as { path: string };
      expect(execFileSync(path, ['catalog', 'datacenters'], { encoding: 'utf8' })).toContain('dc1');
    } finally {
      for (const name of Object.keys(env)) delete process.env[name];
    }
  });

  it('is not believed where it is somebody else', async () => {
    const { serverName: _, ...nameless } = tls();
    for (const [options, code] of [
      [{ ...tls(), caFile: file('stranger.pem') }, /UNABLE_TO|SELF_SIGNED/],
      [nameless, /ERR_TLS_CERT_ALTNAME_INVALID/],
      [{ ...tls(), serverName: 'server.dc2.consul' }, /ERR_TLS_CERT_ALTNAME_INVALID/],
    ] as const) {
      const error = await failure({ address: address(), tls: options });
      expect(error).toMatchObject({ code: 'ERR_UNREACHABLE' });
      expect(error.cause.code).toMatch(code);
    }
    const trusting = open({ address: address(), tls: { ...nameless, verify: false } });
    expect((await trusting.request('GET', '/v1/agent/self')).status).toBe(200);
  });

  it('does not believe us without a certificate, nor with a foreign one', async () => {
    const { certFile: _c, keyFile: _k, ...anonymous } = tls();
    const foreign = { ...tls(), certFile: file('foreign.pem'), keyFile: file('foreign.key') };
    for (const options of [anonymous, foreign])
      expect(await failure({ address: address(), tls: options })).toMatchObject({ code: 'ERR_UNREACHABLE' });
    expect(await failure({ address: `http://127.0.0.1:${https}` })).toMatchObject({
      code: 'ERR_CONSUL',
      status: 400,
    });
    expect(await failure({ address: agent.httpAddress.replace('http', 'https') })).toMatchObject({
      code: 'ERR_UNREACHABLE',
    });
  });
});

describeWithConsul('Consul with ACLs', () => {
  const manager = randomUUID();
  const reader = randomUUID();
  const unknown = randomUUID();
  let agent: Agent;

  beforeAll(async () => {
    const tokens = {
      default: manager,
      agent: manager,
      [major > 1 || minor >= 11 ? 'initial_management' : 'master']: manager,
    };
    agent = await startAgent({ config: { acl: { enabled: true, default_policy: 'deny', tokens } } });
    const consul = createConsul({ address: agent.httpAddress, token: manager });
    const Rules = 'key_prefix "open/" { policy = "read" }';
    await consul.request('PUT', '/v1/acl/policy', { body: { Name: 'reader', Rules } });
    await consul.request('PUT', '/v1/acl/token', {
      body: { SecretID: reader, Policies: [{ Name: 'reader' }] },
    });
    await consul.kv.put('open/a', '1');
    await consul.kv.put('shut/a', '2');
    await consul.close();
  });
  afterAll(() => agent.stop());

  it('lets in by option, by file and by environment', async () => {
    writeFileSync(file('token'), `${reader}\n`);
    const { httpAddress: address } = agent;
    expect((await open({ address, token: reader }).kv.get('open/a'))?.value).toBe('1');
    expect((await open({ address, tokenFile: file('token') }).kv.get('open/a'))?.value).toBe('1');
    process.env['CONSUL_HTTP_TOKEN'] = unknown;
    try {
      await expect(open({ address }).kv.get('open/a')).rejects.toMatchObject({ status: 403 });
      process.env['CONSUL_HTTP_TOKEN_FILE'] = file('token');
      expect((await open({ address }).kv.get('open/a'))?.value).toBe('1');
    } finally {
      delete process.env['CONSUL_HTTP_TOKEN'];
      delete process.env['CONSUL_HTTP_TOKEN_FILE'];
    }
  });

  it('says 403, and neither the error nor the client shows the token', async () => {
    for (const token of [reader, unknown]) {
      const consul = open({ address: agent.httpAddress, token });
      const failures = [
        consul.kv.put('open/a', 'x'),
        consul.kv.get('shut/a'),
        consul.kv.watch('shut/a').next(),
        consul.lock('shut/a'),
        consul.request('PUT', '/v1/session/create', { body: {} }),
        consul.request('PUT', '/v1/acl/token', { body: { SecretID: token } }),
      ].map((one) =>
        one.then(
          () => undefined,
          (error) => error,
        ),
      );
      for (const error of await Promise.all(failures)) {
        expect(error).toMatchObject({ code: 'ERR_CONSUL', status: 403 });
        expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(token);
      }
      expect(inspect(consul, { depth: 9, showHidden: true })).not.toContain(token);
    }
  });

  it('follows a token file that is replaced, and so do those who wait for it', async () => {
    writeFileSync(file('rotated'), unknown);
    const consul = open({ address: agent.httpAddress, tokenFile: file('rotated') });
    const errors: unknown[] = [];
    using config = consul.liveConfig('open/a', String, { onError: (error) => errors.push(error) });
    await expect.poll(() => errors.length).toBe(1);
    await expect(consul.kv.get('open/a')).rejects.toMatchObject({ status: 403 });
    writeFileSync(file('rotated'), reader);
    expect((await consul.kv.get('open/a'))?.value).toBe('1');
    expect(await config.ready()).toBe('1');
  });
});
