import * as http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Instance {
  readonly name: string;
  /** Without one: name, address and port joined, so that instances of one service do not replace each other. */
  readonly id?: string;
  readonly address?: string;
  readonly port?: number;
  readonly tags?: readonly string[];
  readonly meta?: Readonly<Record<string, string>>;
  readonly weights?: { readonly passing: number; readonly warning: number };
  /** A check as Consul's HTTP API names its fields, e.g. `{ TTL: '60s', Status: 'passing' }`. */
  readonly check?: Readonly<Record<string, unknown>>;
}

interface CatalogEntry {
  readonly ServiceID: string;
}

/** Consul refuses the 201st connection of one client (`http_max_conns_per_client`), and 16 keep it busy. */
const CONNECTIONS = 16;
const VISIBLE_WITHIN_MS = 30_000;

/** Consul's HTTP API as the tests use it: what it registers is in the catalogue, so in DNS answers, once awaited. */
export class Registration {
  readonly address: string;
  readonly #connections = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  readonly #nameOf = new Map<string, string>();

  constructor(address: string) {
    this.address = address;
  }

  /** The parsed answer, or its text where it is no JSON. An answer outside 2xx is an error. */
  http<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
    return new Promise((resolve, reject) => {
      const request = http.request(
        `${this.address}${path}`,
        { method, agent: this.#connections },
        (response) => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(parts).toString();
            const status = response.statusCode ?? 0;
            if (status < 200 || status > 299)
              reject(new Error(`${method} ${path}: ${status} ${text.trim()}`));
            else resolve(parsed(text) as T);
          });
        },
      );
      request.on('error', reject);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  async register(instance: Instance): Promise<string> {
    const [id] = await this.registerMany([instance]);
    return id!;
  }

  /** The ids, in the order of `instances`. */
  async registerMany(instances: readonly Instance[]): Promise<string[]> {
    const ids = await Promise.all(instances.map((instance) => this.#put(instance)));
    const idsByName = new Map<string, string[]>();
    for (const [index, { name }] of instances.entries()) {
      const ofName = idsByName.get(name);
      if (ofName) ofName.push(ids[index]!);
      else idsByName.set(name, [ids[index]!]);
    }
    for (const [name, wanted] of idsByName) {
      await this.#untilCatalog(name, (present) => wanted.every((id) => present.has(id)));
    }
    return ids;
  }

  async deregister(id: string): Promise<void> {
    await this.deregisterMany([id]);
  }

  async deregisterMany(ids: readonly string[]): Promise<void> {
    const idsByName = new Map<string, string[]>();
    await Promise.all(
      ids.map(async (id) => {
        const name = this.#nameOf.get(id) ?? (await this.#registeredName(id));
        await this.http('PUT', `/v1/agent/service/deregister/${encodeURIComponent(id)}`);
        this.#nameOf.delete(id);
        idsByName.set(name, [...(idsByName.get(name) ?? []), id]);
      }),
    );
    for (const [name, gone] of idsByName) {
      await this.#untilCatalog(name, (present) => !gone.some((id) => present.has(id)));
    }
  }

  /** A connection to an agent that has ended would fail the first request to the one that follows it. */
  disconnect(): void {
    this.#connections.destroy();
  }

  async #put(instance: Instance): Promise<string> {
    const { name, address, port, tags, meta, weights, check } = instance;
    const id = instance.id ?? [name, address, port].filter((part) => part !== undefined).join('-');
    await this.http('PUT', '/v1/agent/service/register', {
      Name: name,
      ID: id,
      Address: address,
      Port: port,
      Tags: tags,
      Meta: meta,
      Weights: weights && { Passing: weights.passing, Warning: weights.warning },
      Check: check,
    });
    this.#nameOf.set(id, name);
    return id;
  }

  async #registeredName(id: string): Promise<string> {
    const { Service } = await this.http<{ Service: string }>(
      'GET',
      `/v1/agent/service/${encodeURIComponent(id)}`,
    );
    return Service;
  }

  /** The agent answers a registration at once and brings it into the catalogue, which DNS reads, a little later. */
  async #untilCatalog(name: string, settled: (ids: ReadonlySet<string>) => boolean): Promise<void> {
    const deadline = Date.now() + VISIBLE_WITHIN_MS;
    for (;;) {
      const entries = await this.http<CatalogEntry[]>(
        'GET',
        `/v1/catalog/service/${encodeURIComponent(name)}`,
      );
      if (settled(new Set(entries.map((entry) => entry.ServiceID)))) return;
      if (Date.now() > deadline) {
        throw new Error(
          `the catalogue did not follow the registrations of ${name} within ${VISIBLE_WITHIN_MS} ms`,
        );
      }
      await sleep(20);
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
