/** The double in a process of its own, so that its work is not counted as a client's. */
import { createConsulDouble } from '../src/testing/consul-double.ts';
import type { Instance } from './consul.ts';

const { service, instances } = JSON.parse(process.argv[2] ?? '') as {
  readonly service: string;
  readonly instances: readonly Instance[];
};
const double = await createConsulDouble();
for (const instance of instances) double.register({ name: service, ...instance });
process.send!(double.port);
// Without a parent nobody would end it.
process.once('disconnect', () => process.exit());
