/** The double in a process of its own, so that its work is not counted as a client's. */
import { once } from 'node:events';
import { createConsulDouble } from '../src/testing/consul-double.ts';
import type { Instance } from './consul.ts';

const [instances] = (await once(process, 'message')) as [readonly Instance[]];
const double = await createConsulDouble();
for (const { service, ...instance } of instances) double.register({ name: service, ...instance });
process.send!(double.port);
// Without a parent nobody would end it.
process.once('disconnect', () => process.exit());
