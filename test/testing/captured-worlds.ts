import {
  type ConsulDouble,
  type ConsulDoubleOptions,
  createConsulDouble,
} from '../../src/testing/consul-double.ts';
import { agentMetadata, type ConsulVersion } from '../../src/testing/versions.ts';

/** What stood in the catalogue when the captures of 1.8.7 and 1.22.7 were taken, by what their `setup` says. */
export function captureWorld(setup: string, version: ConsulVersion): Promise<ConsulDouble> {
  if (setup.includes('cap2')) return everything({ ...CAP2, version });
  if (setup.includes('cap3')) return denied(version);
  if (setup.includes('cap4')) return alone(version);
  if (setup.includes('cap5')) return everything({ node: 'cap5', version, recursor: STUB });
  if (setup.includes('cap6')) return everything({ node: 'cap6', version, enableTruncate: true });
  if (setup.includes('web-1…')) return numbered(version, Number(/web-1…web-(\d+)/.exec(setup)?.[1]));
  return everything({ node: 'cap1', version });
}

const CAP2: ConsulDoubleOptions = {
  node: 'cap2',
  enableTruncate: true,
  serviceTtl: { '*': 10_000, web: 30_000 },
  nodeTtl: 5_000,
  onlyPassing: true,
  soaMinTtl: 30_000,
  altDomain: 'alt.local',
  metaTxt: false,
};
const STUB = {
  'example.com': [{ type: 'A', data: '192.0.2.7', ttl: 77 }],
  'some.host.example.com': [{ type: 'A', data: '192.0.2.7', ttl: 77 }],
} as const;

async function denied(version: ConsulVersion): Promise<ConsulDouble> {
  const double = await everything({ node: 'cap3', version });
  double.dns.acl('deny');
  return double;
}

async function alone(version: ConsulVersion): Promise<ConsulDouble> {
  const double = await createConsulDouble({ node: 'cap4', version });
  double.dns.unreachable('dc1', true);
  return double;
}

async function numbered(version: ConsulVersion, count: number): Promise<ConsulDouble> {
  const double = await createConsulDouble({ version, node: 'n1', seed: 1 });
  for (let index = 1; index <= count; index++) {
    double.register({ name: 'web', address: `10.1.0.${index}`, port: 2000 + index });
  }
  return double;
}

async function everything(options: ConsulDoubleOptions & { version: ConsulVersion }): Promise<ConsulDouble> {
  const { version } = options;
  const published = agentMetadata(version);
  const double = await createConsulDouble({ seed: 1, ...options, nodeMeta: { ...published, rack: 'r1' } });
  const put = (name: string, node: string, more: object = {}) => double.register({ name, node, ...more });
  for (const index of [1, 2, 3, 4, 5, 6, 7, 8, 9]) {
    double.addNode({ name: `n${index}`, address: `10.0.0.${index}`, meta: {} });
  }
  put('consul', options.node ?? '', { id: 'consul', port: version === '1.8.7' ? 18_802 : 21_802 });
  put('web', 'n1', {
    address: '10.1.0.1',
    port: 8001,
    tags: ['primary', 'v1.2.3'],
    weights: { passing: 10, warning: 3 },
  });
  put('web', 'n2', { address: '10.1.0.2', port: 8002 });
  put('web', 'n3', { port: 8003 });
  put('one', 'n1', { address: '10.1.0.9', port: 9000 });
  for (const port of [7000, 7001, 7002]) put('sameip', 'n4', { address: '10.1.0.4', port });
  put('v6', 'n5', { address: '2001:db8::5', port: 9000 });
  put('hn', 'n6', { address: 'some.host.example.com', port: 443 });
  put('hn2', 'n6', { address: 'one.service.consul', port: 443 });
  put('noport', 'n7');
  put('warn', 'n9', { port: 1, status: 'warning', weights: { passing: 10, warning: 3 } });
  put('crit', 'n9', { port: 1, status: 'critical' });
  for (let index = 0; index < 12; index++)
    put('twelve', 'n8', { address: `10.4.0.${index}`, port: 6000 + index });
  double.addNode({ name: 'big', address: '10.0.0.100', meta: {} });
  for (let index = 0; index < 1100; index++) put('big1100', 'big', { port: 10_000 + index });
  double.addQuery({ name: 'oneq', service: 'one', ttl: 21_000 });
  if (version === '1.22.7') addNewest(double);
  return double;
}

/** What only the captures of 1.22.7 have: several ports, mesh addresses, and nodes with metadata. */
function addNewest(double: ConsulDouble): void {
  const ports = (http: number, admin: number) => [
    { name: 'http', port: http, default: true },
    { name: 'admin', port: admin },
  ];
  double.register({ name: 'mp', node: 'n1', address: '10.82.0.1', ports: ports(8080, 9090) });
  double.register({ name: 'mp', node: 'n2', address: '10.82.0.2', ports: ports(8081, 9091) });
  double.register({ name: 'mppart', node: 'n1', address: '10.83.0.1', ports: ports(8080, 9090) });
  double.register({ name: 'mppart', node: 'n2', address: '10.83.0.2', ports: ports(8081, 9091) });
  double.register({ name: 'mppart', node: 'n3', address: '10.83.0.3', port: 8082 });
  double.setVirtualAddress('vweb', '240.0.0.1');

  const published = agentMetadata('1.22.7');
  for (let index = 0; index < 20; index++) {
    const name = `nd-${String(index).padStart(4, '0')}`;
    double.addNode({ name, address: `10.30.0.${index}`, meta: published });
    for (const count of [3, 8, 9, 12, 20]) {
      if (index >= count) continue;
      const service = `ownip${String(count).padStart(4, '0')}`;
      double.register({ name: service, node: name, address: `10.20.0.${index}`, port: 10_000 + index });
    }
    if (index >= 3) continue;
    double.register({ name: 'mixsix', node: name, address: `10.23.0.${index}`, port: 7000 });
    double.register({ name: 'mixsix', node: name, port: 7001 });
  }
  const six = {
    ...published,
    k1: 'x'.repeat(16),
    k2: 'x'.repeat(16),
    k3: 'x'.repeat(15),
    k4: 'x'.repeat(15),
  };
  for (const index of [0, 1, 2]) {
    double.addNode({ name: `six-${index}`, address: `10.31.0.${index}`, meta: six });
    const place = { node: `six-${index}`, address: `10.22.0.${index}`, port: 10_000 + index };
    if (index < 2) double.register({ name: 'fatty0002', ...place });
    double.register({ name: 'fatty0003', ...place });
  }
  const forty = Object.fromEntries(Array.from({ length: 40 }, (_, key) => [`k${key}`, 'x'.repeat(100)]));
  double.addNode({ name: 'wide', address: '10.32.0.1', meta: forty });
  for (let index = 0; index < 16; index++) {
    double.register({ name: 'wide16', node: 'wide', address: `10.32.1.${index}`, port: 10_000 + index });
  }
  double.addNode({ name: 'long', address: '10.33.0.1', meta: { k: 'v'.repeat(254) } });
  double.register({ name: 'long', node: 'long', address: '10.33.1.1', port: 1 });
  double.addNode({ name: 'bulk', address: '10.34.0.1', meta: {} });
  for (let index = 0; index < 5000; index++) {
    double.register({
      name: 'bulk5000',
      node: 'bulk',
      address: `10.40.${index >> 8}.${index & 255}`,
      port: 1,
    });
  }
}
