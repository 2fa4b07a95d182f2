import type { ServerResponse } from 'node:http';
import { type Asked, rawEntry, type Said, ScriptedAgent, say } from './scripted-agent.ts';

/** One key and its sessions as Consul keeps them, its time but for a lock delay left out: a session ends where a test says so. */
export class LockWorld {
  readonly agent: ScriptedAgent;
  readonly sessions = new Map<string, { readonly name: string; readonly body: Record<string, unknown> }>();
  value = '';
  holder: string | undefined;
  index = 10;
  /** How many tries to acquire are still refused though nobody holds the key. */
  delayed = 0;
  /** Answers in place of Consul; `null`: nothing, for ever. */
  instead: ((asked: Asked) => Said | null | undefined) | undefined;
  #created = 0;
  #exists = false;
  #waiting: (() => void)[] = [];

  private constructor(agent: ScriptedAgent) {
    this.agent = agent;
  }

  static async start(): Promise<LockWorld> {
    const agent = await ScriptedAgent.start(() => undefined);
    const world = new LockWorld(agent);
    agent.script = (asked, response) => world.#answer(asked, response);
    return world;
  }

  /** Paths with the verb, sessions by their names, questions that wait left out. */
  get writes(): string[] {
    return this.agent.asked
      .filter(({ method }) => method === 'PUT')
      .map(({ url }) => url.replace('/v1/', '').replace(/&flags=\d+/, ''));
  }

  /** As when its TTL is over, or by hand. */
  endSession(id: string): void {
    this.sessions.delete(id);
    if (this.holder === id) this.give(undefined);
  }

  give(holder: string | undefined): void {
    this.holder = holder;
    this.#exists = true;
    this.#change();
  }

  deleteKey(): void {
    this.holder = undefined;
    this.#exists = false;
    this.#change();
  }

  #change(): void {
    this.index++;
    for (const answer of this.#waiting.splice(0)) answer();
  }

  #answer(asked: Asked, response: ServerResponse): Said | undefined {
    const instead = this.instead?.(asked);
    if (instead !== undefined) return instead ?? undefined;
    const url = new URL(asked.url, 'http://consul');
    const [, , kind, verb = '', id = ''] = url.pathname.split('/');
    if (kind === 'session') return this.#session(verb, id, asked.body);
    if (asked.method === 'PUT') {
      const session = url.searchParams.get('acquire');
      if (session !== null && !this.sessions.has(session))
        return { status: 500, body: `invalid session "${session}"` };
      return { body: this.#put(url.searchParams, asked.body) };
    }
    if (url.searchParams.get('index') !== String(this.index)) return this.#state();
    this.#waiting.push(() => say(response, this.#state()));
    return undefined;
  }

  #session(verb: string, id: string, body: string): Said {
    if (verb === 'create') {
      const ID = `s${++this.#created}`;
      const definition = JSON.parse(body);
      this.sessions.set(ID, { name: definition.Name, body: definition });
      return { body: { ID } };
    }
    if (verb === 'destroy') {
      this.endSession(id);
      return { body: true };
    }
    return this.sessions.has(id)
      ? { body: [{ ID: id }] }
      : { status: 404, body: `Session id '${id}' not found` };
  }

  #put(query: URLSearchParams, body: string): boolean {
    const acquire = query.get('acquire');
    if (acquire !== null) {
      if (this.holder === undefined && this.delayed > 0) {
        this.delayed--;
        return false;
      }
      if (this.holder !== undefined && this.holder !== acquire) return false;
      this.value = body;
      if (this.holder === undefined) this.give(acquire);
      return true;
    }
    if (query.get('release') !== this.holder) return false;
    this.give(undefined);
    return true;
  }

  #state(): Said {
    if (!this.#exists) return { status: 404, index: this.index };
    return { index: this.index, body: [rawEntry('job', this.value, this.index, this.holder)] };
  }
}
