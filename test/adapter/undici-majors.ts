import { createRequire } from 'node:module';
import type * as Undici from 'undici';

const require = createRequire(import.meta.url);

/** The majors of undici that are installed for tests, and whether this Node can load them. */
export interface Major {
  readonly name: string;
  /** What `import` takes. */
  readonly specifier: string;
  readonly undici: typeof Undici | undefined;
  readonly error: unknown;
}

function load(name: string, specifier: string): Major {
  try {
    return { name, specifier, undici: require(specifier), error: undefined };
  } catch (error) {
    return { name, specifier, undici: undefined, error };
  }
}

export const majors: readonly Major[] = [load('undici 7', 'undici'), load('undici 8', 'undici8')];

/** For `describe.each`: those that load here. The others are the business of undici-matrix.test.ts. */
export const loadable = majors.flatMap(({ name, undici }) =>
  undici === undefined ? [] : [{ name, undici }],
);

/** Node's own version, as the tests' names show it. */
export const nodeMajor = Number(process.versions.node.split('.')[0]);
