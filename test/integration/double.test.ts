import { describe } from 'vitest';
import { compareDoubleWithConsul } from '../testing/scenarios/live.ts';

// Each scenario waits for agents of its own. Where they are recorded, they keep their order.
const together = process.env['RECORD_CONSUL'] === undefined ? describe.concurrent : describe;

together('live', compareDoubleWithConsul);
