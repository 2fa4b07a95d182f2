import type { Scenario } from '../scenario.ts';
import { bursts } from './bursts.ts';
import { fastFailing } from './fast-failing.ts';
import { fleet } from './fleet.ts';
import { heterogeneous } from './heterogeneous.ts';
import { longPolls } from './long-polls.ts';
import { scaleOut } from './scale-out.ts';
import { slowServer } from './slow-server.ts';

export const scenarios: readonly Scenario[] = [
  heterogeneous,
  slowServer,
  fastFailing,
  bursts,
  longPolls,
  scaleOut,
  fleet,
];
