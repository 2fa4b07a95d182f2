/**
 * Whatever the tests make in an engine carries the id of their process: what carries one that has ended is left over from a run that
 * was killed. (The usual reaper of testcontainers is a container itself, and its image cannot be pulled everywhere.)
 */
import type { Engine } from './engine.ts';

const label = 'consul-dns-balancer.test.process';

export const labels = { [label]: String(process.pid) };

/** Removes what this process made. */
export function removeOurs(engine: Engine): Promise<void> {
  return remove(engine, (id) => id === process.pid);
}

/** Removes what runs left behind that have ended. */
export function removeLeftovers(engine: Engine): Promise<void> {
  return remove(engine, (id) => !isAlive(id));
}

async function remove(engine: Engine, isUnwanted: (id: number) => boolean): Promise<void> {
  const filters = { label: [label] };
  const unwanted = ({ Labels }: { Labels?: Record<string, string> | undefined }) =>
    isUnwanted(Number(Labels?.[label]));
  const containers = (await engine.listContainers({ all: true, filters })).filter(unwanted);
  await Promise.all(
    containers.map(({ Id }) => engine.getContainer(Id).remove({ force: true, v: true }).catch(isGone)),
  );
  const networks = (await engine.listNetworks({ filters })).filter(unwanted);
  await Promise.all(networks.map(({ Id }) => engine.getNetwork(Id).remove().catch(isGone)));
  const images = (await engine.listImages({ filters })).filter(unwanted);
  await Promise.all(images.map(({ Id }) => engine.getImage(Id).remove({ force: true }).catch(isGone)));
}

/** Another run may do the same at the same time. */
function isGone(error: { statusCode?: number }): void {
  if (error.statusCode !== 404 && error.statusCode !== 409) throw error;
}

function isAlive(id: number): boolean {
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
