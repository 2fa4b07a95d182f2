import { createConsulDouble } from '../src/testing/consul-double.ts';
import { idOf, type World } from './world.ts';

/** Our own double: for machines without a Consul. */
export async function startDoubleWorld(): Promise<World> {
  const double = await createConsulDouble();
  const registered = new Map<string, ReturnType<typeof double.register>>();
  return {
    what: 'the double of src/testing (no Consul found: see npm run consul)',
    port: double.port,
    async register(instance) {
      const { service, address, port } = instance;
      registered.set(idOf(instance), double.register({ name: service, id: idOf(instance), address, port }));
    },
    async deregister(instance) {
      registered.get(idOf(instance))?.deregister();
    },
    async setHealth(instance, healthy) {
      registered.get(idOf(instance))?.setStatus(healthy ? 'passing' : 'critical');
    },
    kill: () => double.stop(),
    restart: () => double.start(),
    close: () => double.close(),
  };
}
