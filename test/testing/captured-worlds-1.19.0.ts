import {
  type ConsulDouble,
  type ConsulDoubleOptions,
  createConsulDouble,
} from '../../src/testing/consul-double.ts';

/** What stood in the catalogue when the captures of 1.19.0 were taken, by what their `setup` says. */
export async function captureWorld119(setup: string): Promise<ConsulDouble> {
  if (setup.includes('alt_domain')) return configured();
  const double = await everything({});
  if (setup.includes('token unknown')) double.dns.acl('unknown-token');
  else if (setup.includes('policy=deny')) double.dns.acl('deny');
  return double;
}

async function configured(): Promise<ConsulDouble> {
  const double = await start({
    enableTruncate: true,
    serviceTtl: { '*': 10_000, nomad: 30_000 },
    nodeTtl: 5_000,
    soaMinTtl: 30_000,
    altDomain: 'alt.local',
    metaTxt: false,
  });
  atNode(double, 'h', 2, 12, 'nomad', 20_000);
  double.register({ name: 'own', address: '10.1.0.1', port: 1 });
  return double;
}

function start(options: ConsulDoubleOptions): Promise<ConsulDouble> {
  return createConsulDouble({ seed: 1, version: '1.19.0', node: 'n1', ...options });
}

/** Instances whose address is the one of their node, as Nomad registers them. */
function atNode(
  double: ConsulDouble,
  prefix: string,
  net: number,
  count: number,
  name: string,
  port: number,
): void {
  for (let index = 1; index <= count; index++) {
    const address = `10.${net}.0.${index}`;
    double.addNode({ name: prefix + index, address });
    double.register({ name, node: prefix + index, address, port: port + index });
  }
}

async function everything(options: ConsulDoubleOptions): Promise<ConsulDouble> {
  const double = await start(options);
  const put = (name: string, more: object = {}) => double.register({ name, ...more });
  for (const index of [1, 2, 3]) {
    put('own', { address: `10.1.0.${index}`, port: 8000 + index });
    put('ownsame', { address: `10.1.1.${index}`, port: 8080 });
  }
  atNode(double, 'h', 2, 3, 'nomad', 20_000);
  for (const index of [1, 2, 3]) {
    put('nomadsame', { node: `h${index}`, address: `10.2.0.${index}`, port: 8080 });
    put('bare', { node: `h${index}`, port: 30_000 + index });
  }
  put('mixed', { node: 'h1', address: '10.2.0.1', port: 9001 });
  put('mixed', { node: 'h2', address: '10.9.0.2', port: 9002 });
  put('mixed', { node: 'h3', port: 9003 });
  for (const index of [1, 2]) {
    for (const port of [7001, 7002]) put('two', { node: `h${index}`, address: `10.2.0.${index}`, port });
  }
  put('tagged', { address: '10.3.0.1', port: 1, tags: ['v1', 'v1.2.3'] });
  put('tagged', { address: '10.3.0.2', port: 2, tags: ['v2'] });
  put('hn', { address: 'some.host.example.com', port: 443 });
  put('hn2', { address: 'own.service.consul', port: 443 });
  put('hnself', { address: 'hnself.service.consul', port: 443 });
  put('v6', { address: '2001:db8::5', port: 9000 });
  put('crit', { address: '10.4.0.1', port: 1, status: 'critical' });
  atNode(double, 'k', 5, 12, 'twelve', 6000);
  for (let index = 1; index <= 11; index++) {
    put('eleven', { address: `10.6.0.${index}`, port: 6000 + index });
    put('web', { address: `10.1.2.${index}`, port: 2000 + index });
  }
  double.addQuery({ name: 'pq', service: 'nomad', ttl: 21_000 });
  double.addNode({ name: 'fat', address: '10.7.0.1', meta: { k: 'v'.repeat(254) } });
  put('fat', { node: 'fat', address: '10.7.1.1', port: 1 });
  return double;
}
