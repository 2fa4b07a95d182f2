import type { RawHealthEntry } from '../../src/consul/instance.ts';

export interface EntryOptions {
  readonly id?: string;
  readonly address?: string;
  readonly port?: number | undefined;
  readonly ports?: Readonly<Record<string, number>>;
  readonly tags?: readonly string[];
  readonly meta?: Record<string, string>;
  /** Passing and warning. */
  readonly weights?: readonly [number, number];
  readonly node?: string;
  readonly status?: string;
  readonly nodeStatus?: string;
  readonly maintenance?: boolean;
  readonly output?: string;
  readonly type?: string;
  readonly peer?: string;
}

/** An instance as `/v1/health/service/:name` shows it. */
export function entry(options: EntryOptions): RawHealthEntry {
  const { id = 'web-1', address = '10.0.0.1', tags = [], meta = {}, weights = [1, 1], node = 'n1' } = options;
  const { ports = {}, status = 'passing', nodeStatus = 'passing', output = '', type = 'ttl' } = options;
  const check = (CheckID: string, Status: string, ServiceID: string, Output = '') => ({
    CheckID,
    Name: CheckID,
    Status,
    Output,
    Notes: '',
    ServiceID,
    Type: ServiceID === '' ? '' : type,
    Definition: {},
  });
  return {
    Node: { ID: 'f00', Node: node, Address: '10.9.9.9', Datacenter: 'dc1', Meta: {} },
    Service: {
      ID: id,
      Service: 'web',
      Address: address,
      ...('port' in options && options.port === undefined ? {} : { Port: options.port ?? 80 }),
      Ports: Object.entries(ports).map(([Name, Port], i) => ({ Name, Port, Default: i === 0 })),
      Tags: tags,
      Meta: meta,
      Weights: { Passing: weights[0], Warning: weights[1] },
      ...(options.peer !== undefined && { PeerName: options.peer }),
    },
    Checks: [
      check('serfHealth', nodeStatus, ''),
      check(`service:${id}`, status, id, output),
      ...(options.maintenance ? [check(`_service_maintenance:${id}`, 'critical', id)] : []),
    ],
  };
}
