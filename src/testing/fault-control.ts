import type { DnsFaults, Faults } from './faults.ts';
import type { Transport } from './reply.ts';
import type { Access } from './world.ts';

type Switch = (on: boolean) => Promise<void>;

/** The switches of `faults`, of what the agent can see and reach, and of the two sockets. */
export function faultControl(faults: Faults, access: Access, sockets: Record<Transport, Switch>): DnsFaults {
  const set =
    <K extends keyof Faults>(key: K) =>
    (value: Faults[K]) => {
      faults[key] = value;
    };
  return {
    servfail: (on) => {
      faults.servfail = Number(on);
    },
    refuse: set('refuse'),
    formerr: set('formerr'),
    nxdomain: set('nxdomain'),
    drop: set('drop'),
    delay: (ms) => {
      faults.delay = typeof ms === 'number' ? () => ms : ms;
    },
    loseNext: set('lose'),
    truncate: set('truncate'),
    unrelated: set('unrelated'),
    duplicate: set('duplicate'),
    late: set('late'),
    corrupt: set('corrupt'),
    foreign: set('foreign'),
    spoof: set('spoof'),
    guess: set('guess'),
    udp: (on) => sockets.udp(on),
    tcp: (on) => sockets.tcp(on),
    leader: set('leader'),
    unreachable: (datacenter, on) => {
      const name = datacenter.toLowerCase();
      if (on) access.unreachable.add(name);
      else access.unreachable.delete(name);
    },
    acl: (policy) => {
      access.acl = policy;
    },
    only: set('only'),
    intercept: set('intercept'),
  };
}
