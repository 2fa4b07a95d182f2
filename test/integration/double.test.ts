import { compareDoubleWithConsul } from '../testing/scenarios/live.ts';

compareDoubleWithConsul();
