import { describe, expect, it } from 'vitest';
import { createConsul } from '../../../src/consul/index.ts';
import { createConsulDouble } from '../../../src/testing/consul-double.ts';
import { registryOf } from '../../../src/testing/double-registry.ts';
import { registryContract } from '../../../src/testing/registry-contract.ts';

registryContract(
  'a client of the double',
  async () => {
    const double = await createConsulDouble();
    const consul = createConsul({ address: double.httpAddress });
    return {
      registry: consul.registry,
      close: async () => {
        await consul.close();
        await double.close();
      },
    };
  },
  { describe, it, expect },
);

registryContract(
  'the double itself',
  async () => {
    const double = await createConsulDouble();
    return { registry: registryOf(double), close: () => double.close() };
  },
  { describe, it, expect },
);
