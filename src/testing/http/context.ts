import type { Clock } from '../../clock.ts';
import type { Random } from '../../random.ts';
import type { Catalogue } from '../catalogue.ts';
import type { Settings } from '../settings.ts';
import type { Access } from '../world.ts';
import type { Indexes } from './indexes.ts';
import type { LocalAgent } from './local-agent.ts';
import type { Shapes } from './shapes.ts';
import type { Stores } from './stores.ts';

/** What the endpoints answer from. */
export interface Context {
  settings: Settings;
  catalogue: Catalogue;
  indexes: Indexes;
  agent: LocalAgent;
  stores: Stores;
  shapes: Shapes;
  clock: Clock;
  random: Random;
  access: Access;
  /** undefined: there is no access control. */
  token: string | undefined;
  /** 1.8.7, which differs in words and statuses. */
  old: boolean;
}
