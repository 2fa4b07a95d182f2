import { describe, expect, it } from 'vitest';
import { balancerContract } from '../../src/testing/balancer-contract.ts';
const run = { describe, it, expect };
balancerContract('first', run, { spreads: false });
for (const name of ['random', 'round-robin', 'least-used', 'least-in-flight', 'fastest']) balancerContract(name, run);
for (const name of ['weighted-round-robin', 'weighted-random']) balancerContract(name, run, { weights: true });
for (const name of ['power-of-two-choices', 'peak-ewma']) balancerContract(name, run, { weights: 'in flight' });
balancerContract('consistent-hash', run, { sticks: true });
balancerContract({ name: 'consistent-hash', bound: 1.25 }, run, { sticks: true });
