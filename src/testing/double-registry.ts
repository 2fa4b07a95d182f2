import type { Registry, RegistryInstance } from '../consul/registration/registry.ts';
import type { ConsulDouble } from './consul-double.ts';
import type { RegisteredService } from './definitions.ts';

/** The double's catalogue behind the contract of registries: for tests of programs that are given one. No heartbeats, no renewal. */
export function registryOf(double: Pick<ConsulDouble, 'register'>): Registry {
  const registered = new Map<
    string,
    { readonly instance: RegistryInstance; readonly service: RegisteredService }
  >();
  let count = 0;
  const deregister = async (id: string) => {
    registered.get(id)?.service.deregister();
    registered.delete(id);
  };
  return {
    async register({ name, port, address = '127.0.0.1', id = `${name}-${++count}`, tags = [], meta = {} }) {
      await deregister(id);
      const instance = { id, name, address, port, tags: [...tags], meta: { ...meta } };
      const service = double.register(instance);
      registered.set(id, { instance, service });
      const own = registered.get(id);
      return {
        id,
        deregister: async () => {
          if (registered.get(id) === own) await deregister(id);
        },
      };
    },
    deregister,
    instances: async (name) =>
      [...registered.values()].map(({ instance }) => instance).filter((instance) => instance.name === name),
  };
}
