import { type ConsulDouble, createConsulDouble } from '../../../src/testing/consul-double.ts';
import type { ConsulVersion } from '../../../src/testing/versions.ts';
import { type Capture, readCaptures } from '../captures.ts';
import type { Scenario } from './scenario.ts';

/** What was recorded at each step of a scenario. */
export function recordingsOf({ name }: Scenario, version: ConsulVersion): Capture[][] {
  const steps: Capture[][] = [];
  for (const capture of recorded(version)) {
    const [scenario, step] = capture.setup.split(' / ');
    if (scenario !== name) continue;
    const at = Number(step);
    steps[at] = [...(steps[at] ?? []), capture];
  }
  return steps;
}

const read = new Map<ConsulVersion, Capture[]>();

function recorded(version: ConsulVersion): Capture[] {
  const captures = read.get(version) ?? readCaptures(version, 'recorded');
  read.set(version, captures);
  return captures;
}

export function startScenario({ options }: Scenario, version: ConsulVersion): Promise<ConsulDouble> {
  return createConsulDouble({ seed: 1, ...options, version });
}
