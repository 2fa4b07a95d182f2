// @ts-check
import { findConsul, startAgent } from './consul.js';

/** @typedef {{ id: string, name: string, address: string, port: number }} Instance */

/**
 * Where services are registered: a Consul agent, or the double.
 *
 * @typedef {object} Registry
 * @property {string} dnsAddress
 * @property {string} httpAddress
 * @property {(instance: Instance) => Promise<void>} register
 * @property {(id: string) => Promise<void>} deregister
 * @property {(name: string, count: number) => Promise<void>} shows waits until so many instances are listed
 * @property {() => Promise<void>} stop
 */

/** @returns {Promise<Registry>} */
export async function startRegistry() {
  const consul = await findConsul();
  if (consul !== undefined) {
    console.log(`Consul ${consul.version} (${consul.path}): starting a dev agent.`);
    return startAgent(consul);
  }
  const named = process.env['CONSUL_BIN'];
  console.log(
    named
      ? `CONSUL_BIN=${named} is no Consul that runs here: using the in-process double.`
      : 'No Consul found (CONSUL_BIN, PATH): using the in-process double.',
  );
  return startDouble();
}

/** @returns {Promise<Registry>} */
async function startDouble() {
  const { createConsulDouble } = await import('consul-dns-balancer/testing');
  const double = await createConsulDouble({ node: 'demo' });
  /** @type {Map<string, { deregister(): void }>} */
  const registered = new Map();
  return {
    dnsAddress: double.dnsAddress,
    httpAddress: double.httpAddress,
    register: async (instance) => {
      registered.set(instance.id, double.register(instance));
    },
    deregister: async (id) => registered.get(id)?.deregister(),
    shows: async () => {},
    stop: () => double.close(),
  };
}
