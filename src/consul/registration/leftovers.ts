import type { ConsulHttp } from '../http.ts';
import { inPath } from '../path.ts';
import { type Place, processOf } from './instance-id.ts';

interface RawService {
  readonly ID: string;
  readonly Address: string;
}

/**
 * Takes back what processes of this host that are dead registered at the same place, and returns their ids. A check by HTTP or TCP would pass
 * for them as long as we answer it, so that Consul would show them for ever, with the tags of then.
 *
 * Only ids of our own making say which process they belong to.
 */
export async function removeLeftovers(http: ConsulHttp, place: Place): Promise<readonly string[]> {
  const { body } = await http.requestInBackground<Record<string, RawService> | null>(
    'GET',
    '/v1/agent/services',
    {
      query: { filter: `Service == ${JSON.stringify(place.name)} and Port == ${place.port}` },
    },
  );
  const dead = Object.values(body ?? {}).filter(({ ID, Address }) => {
    const pid = processOf(ID, place);
    return pid !== undefined && Address === (place.address ?? '') && !isAlive(pid);
  });
  for (const { ID } of dead) {
    const path = `/v1/agent/service/deregister/${inPath(ID, 'deregister')}`;
    await http.requestInBackground('PUT', path, { accept: [404], idempotent: true });
  }
  return dead.map(({ ID }) => ID);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's is one too.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
