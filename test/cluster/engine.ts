import type { ContainerRuntimeClient } from 'testcontainers';

/** Docker's API. */
export type Engine = ContainerRuntimeClient['container']['dockerode'];

/** The engine that DOCKER_HOST names, else the one of this machine; `undefined` where none answers. None is started. */
export async function findEngine(): Promise<Engine | undefined> {
  const { getContainerRuntimeClient } = await import('testcontainers');
  try {
    return (await getContainerRuntimeClient()).container.dockerode;
  } catch {
    return undefined;
  }
}
