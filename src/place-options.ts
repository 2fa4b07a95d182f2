import { type Kind, kindOf, type ServiceName } from './dns/name.ts';
import { InvalidNameError, InvalidOptionError } from './errors.ts';

interface Place {
  readonly tag?: string | undefined;
  readonly datacenter?: string | undefined;
}

/**
 * What a tag or datacenter from the options means to a name: it becomes part of it; or it says nothing about such a thing, so that a
 * default passes by; or it would narrow the choice if Consul did not ignore it, so that even a default must not go unheard.
 */
type Meaning = 'part' | 'none' | 'unheard';

const meanings: Readonly<Record<Kind, Readonly<Record<keyof Place, Meaning>>>> = {
  service: { tag: 'part', datacenter: 'part' },
  query: { tag: 'none', datacenter: 'part' },
  connect: { tag: 'unheard', datacenter: 'part' },
  ingress: { tag: 'unheard', datacenter: 'part' },
  node: { tag: 'none', datacenter: 'part' },
  virtual: { tag: 'unheard', datacenter: 'unheard' },
  addr: { tag: 'none', datacenter: 'none' },
};

const reasons: Readonly<Partial<Record<Kind, string>>> = {
  query: 'A prepared query chooses its own tags',
  connect: 'Consul ignores tags in .connect names',
  ingress: 'Consul ignores tags in .ingress names',
  node: 'A node has no tags',
  virtual: 'A virtual address stands for a whole service, in the datacenter of the agent that is asked',
  addr: 'An address is what it is',
};

/**
 * The name with the tag and the datacenter of the options in it. Both may stand in both places only if they agree.
 *
 * @param settings what holds for the name, from wherever.
 * @param called what the caller said for this name.
 * @throws InvalidNameError; InvalidOptionError
 */
export function withPlace(name: ServiceName, settings: Place, called: Place): ServiceName {
  const kind = kindOf(name);
  let placed = name;
  for (const key of ['tag', 'datacenter'] as const) {
    const inName = (name as Place)[key];
    const wanted = settings[key];
    if (wanted === undefined) continue;
    if (inName !== undefined) {
      if (called[key] === undefined || called[key].toLowerCase() === inName.toLowerCase()) continue;
      throw new InvalidNameError(
        `The ${key} is ${JSON.stringify(inName)} in the name and ${JSON.stringify(called[key])} in the options.`,
      );
    }
    const { peer } = name as { peer?: string };
    // A peer takes the place of a datacenter.
    const elsewhere = key === 'datacenter' && peer !== undefined && kind !== 'virtual';
    const meaning = elsewhere ? 'none' : meanings[kind][key];
    if (meaning === 'part') placed = { [key]: wanted, ...placed };
    else if (meaning === 'unheard' || called[key] !== undefined) {
      const why = elsewhere ? `It is asked for at the peer ${JSON.stringify(peer)}` : reasons[kind];
      const whence =
        called[key] === undefined ? ` The ${key} is a setting of this discovery: use another.` : '';
      throw new InvalidOptionError(
        `${why}: it cannot be asked for the ${key} ${JSON.stringify(wanted)}.${whence}`,
      );
    }
  }
  return placed;
}
