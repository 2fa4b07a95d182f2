import type { Context } from './context.ts';
import { datacenterOf } from './datacenter.ts';
import type { HttpFaultState } from './http-faults.ts';
import type { Routes } from './router.ts';

const SERVER_PORT = 8300;
const GOSSIP_PORT = 8301;

/** /v1/status, and what the agent says of itself. */
export function statusRoutes(context: Context, faults: HttpFaultState): Routes {
  const { catalogue, settings, old } = context;
  const { version, datacenter } = settings;
  const { ownNode } = catalogue;
  const server = `${ownNode.address}:${SERVER_PORT}`;

  const member = () => ({
    Name: ownNode.name,
    Addr: ownNode.address,
    Port: GOSSIP_PORT,
    Tags: {
      acls: '0',
      build: `${version}:`,
      dc: datacenter,
      ft_fs: '1',
      ...(!old && { ft_si: '1' }),
      id: ownNode.id,
      port: String(SERVER_PORT),
      raft_vsn: '3',
      role: 'consul',
      segment: '',
      vsn: '2',
      vsn_max: '3',
      vsn_min: '2',
      wan_join_port: '8302',
    },
    Status: 1,
    ProtocolMin: 1,
    ProtocolMax: 5,
    ProtocolCur: 2,
    DelegateMin: 2,
    DelegateMax: 5,
    DelegateCur: 4,
  });

  return {
    '/v1/status/leader': {
      GET: (question) => {
        datacenterOf(question, context);
        return { json: faults.leader ? server : '' };
      },
    },
    '/v1/status/peers': {
      GET: (question) => {
        datacenterOf(question, context);
        return { json: [server] };
      },
    },
    '/v1/agent/members': { GET: () => ({ json: [member()] }) },
    '/v1/agent/self': {
      GET: () => ({
        json: {
          Config: {
            Datacenter: datacenter,
            ...(!old && { PrimaryDatacenter: datacenter }),
            NodeName: ownNode.name,
            NodeID: ownNode.id,
            Revision: '',
            Server: true,
            Version: version,
            ...(!old && { BuildDate: '1970-01-01T00:00:01Z', BindAddr: ownNode.address }),
          },
          // Of its some hundred fields those that clients look at.
          DebugConfig: {
            ACLsEnabled: false,
            AdvertiseAddrLAN: ownNode.address,
            AdvertiseAddrWAN: ownNode.address,
            CheckUpdateInterval: '5m0s',
            ClientAddrs: ['127.0.0.1'],
            DNSDomain: `${settings.domain}.`,
            Datacenter: datacenter,
            DefaultQueryTime: '5m0s',
            DevMode: true,
            HTTPMaxConnsPerClient: 200,
            KVMaxValueSize: 524288,
            MaxQueryTime: '10m0s',
            NodeID: ownNode.id,
            NodeName: ownNode.name,
            ServerMode: true,
            SessionTTLMin: '0s',
            TaggedAddresses: { lan: ownNode.address, wan: ownNode.address },
            Version: version,
          },
          Coord: { Vec: [0, 0, 0, 0, 0, 0, 0, 0], Error: 1.5, Adjustment: 0, Height: 0.00001 },
          Member: member(),
          Stats: {},
          Meta: ownNode.meta,
        },
      }),
    },
  };
}
