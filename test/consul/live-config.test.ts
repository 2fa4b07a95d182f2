import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConsulHttp } from '../../src/consul/http.ts';
import { type LiveConfig, type LiveConfigOptions, liveConfig } from '../../src/consul/live-config.ts';
import { completeConsul } from '../../src/consul/options.ts';
import { createPacedClock, type PacedClock } from './paced-clock.ts';
import { rawEntry, type Said, ScriptedAgent, say, until } from './scripted-agent.ts';

let agent: ScriptedAgent;
let clock: PacedClock;
let http: ConsulHttp;
let errors: Error[];
/** Answers the question that is held. */
let tell: (said: Said) => Promise<void>;

beforeEach(async () => {
  clock = createPacedClock();
  errors = [];
  const held: ((said: Said) => void)[] = [];
  agent = await ScriptedAgent.start((_asked, response) => {
    held.push((said) => say(response, said));
    return undefined;
  });
  tell = async (said) => {
    await until(() => held.length > 0);
    const heard = agent.asked.length;
    held.shift()!(said);
    // Heard, once it asks for the next, or rests.
    await until(() => agent.asked.length > heard || clock.pauses.length > 0);
  };
  http = new ConsulHttp(completeConsul({ address: agent.address, retries: 0 }, {}), clock);
});
afterEach(async () => {
  await http.close();
  await agent.close();
});

const holding = (value: string, modifyIndex: number): Said => ({
  index: modifyIndex,
  body: [rawEntry('app', value, modifyIndex)],
});
const missing = (index: number): Said => ({ status: 404, index });

interface Config {
  readonly limit: number;
}
const parse = (text: string): Config => {
  const value = JSON.parse(text);
  if (typeof value.limit !== 'number') throw new TypeError('limit is no number');
  return value;
};
const open = (options: LiveConfigOptions<Config> = {}): LiveConfig<Config> =>
  liveConfig(http, 'app', parse, { onError: (error) => errors.push(error as Error), ...options });

describe('a live configuration', () => {
  it('is there once it is ready, and follows its key', async () => {
    const config = open();
    expect(() => config.value).toThrow('there is no value yet');
    const ready = config.ready();
    await tell(holding('{"limit":1}', 5));
    expect(await ready).toEqual({ limit: 1 });
    expect([config.value, config.version, config.error]).toEqual([{ limit: 1 }, 5, undefined]);
    await tell(holding('{"limit":2}', 9));
    expect([config.value, config.version]).toEqual([{ limit: 2 }, 9]);
    expect(await config.ready()).toEqual({ limit: 1 });
    expect(errors).toEqual([]);
  });

  it('keeps the last valid value: what `parse` refuses is said once and not used', async () => {
    const config = open();
    await tell(holding('{"limit":1}', 5));
    await tell(holding('{"limit":"many"}', 6));
    expect([config.value, config.version]).toEqual([{ limit: 1 }, 5]);
    expect(config.error).toMatchObject({ message: 'limit is no number' });
    await tell(holding('{', 7));
    expect(config.error).toBeInstanceOf(SyntaxError);
    expect(errors).toHaveLength(2);
    await tell(holding('{"limit":3}', 8));
    expect([config.value, config.error]).toEqual([{ limit: 3 }, undefined]);
  });

  it('is ready with the first valid value, however many others come before', async () => {
    const config = open();
    const ready = config.ready();
    await tell(missing(1));
    await tell(holding('{', 5));
    await tell(holding('{"limit":1}', 6));
    expect(await ready).toEqual({ limit: 1 });
  });

  it('has an initial value until then, and not again', async () => {
    const config = open({ initial: { limit: 0 } });
    expect([config.value, config.version]).toEqual([{ limit: 0 }, 0]);
    expect(await config.ready()).toEqual({ limit: 0 });
    await tell(missing(1));
    expect([config.value, config.error]).toEqual([{ limit: 0 }, undefined]);
    await tell(holding('{"limit":1}', 5));
    await tell(missing(6));
    expect(config.value).toEqual({ limit: 1 });
  });

  it('keeps its value when the key is deleted, and says so', async () => {
    const config = open();
    await tell(holding('{"limit":1}', 5));
    await tell(missing(6));
    expect(config.value).toEqual({ limit: 1 });
    expect(config.error).toMatchObject({
      status: 404,
      message: 'app was deleted; its last value is used on.',
    });
    await tell(holding('{"limit":1}', 7));
    expect([config.version, config.error]).toEqual([7, undefined]);
    expect(errors).toHaveLength(1);
  });

  it.each([403, 500])('keeps its value through %i, says each outage once, and goes on', async (status) => {
    const config = open();
    await tell(holding('{"limit":1}', 5));
    for (const _ of [1, 2]) {
      await tell({ status, body: 'no' });
      expect(config.error).toMatchObject({ status });
      await clock.advance(clock.pauses[0]!);
    }
    expect(config.value).toEqual({ limit: 1 });
    expect(errors).toHaveLength(1);
    await tell(holding('{"limit":1}', 5));
    expect(config.error).toBeUndefined();
    await tell({ status, body: 'no' });
    expect(errors).toHaveLength(2);
  });

  it('still knows after an outage that the newest state was refused', async () => {
    const config = open();
    await tell(holding('{', 5));
    await tell({ status: 500, body: 'no' });
    await clock.advance(clock.pauses[0]!);
    await tell(holding('{', 5));
    expect(config.error).toBeInstanceOf(SyntaxError);
  });

  it('refuses a `parse` that gives a promise', async () => {
    const config = liveConfig(http, 'app', async () => Promise.reject(new Error('unheard')), {
      onError: (error) => errors.push(error as Error),
    });
    await tell(holding('1', 5));
    expect(config.error).toMatchObject({ code: 'ERR_INVALID_OPTION' });
    expect(() => config.value).toThrow('there is no value yet');
  });

  it('may be undefined or false: that is a value', async () => {
    const config = liveConfig(http, 'app', () => undefined);
    await tell(holding('1', 5));
    expect(config.value).toBeUndefined();
    expect(await config.ready()).toBeUndefined();
  });

  it('shows `parse` the entry too', async () => {
    const config = liveConfig(
      http,
      'app',
      (_text, { modifyIndex, bytes }) => `${modifyIndex} ${bytes.length}`,
    );
    await tell(holding('abc', 5));
    expect(config.value).toBe('5 3');
  });
});

describe('those who subscribe to it', () => {
  it('are told of each change, until they have enough', async () => {
    const config = open();
    const seen: number[] = [];
    const stop = config.subscribe(({ limit }) => seen.push(limit));
    await tell(holding('{"limit":1}', 5));
    await tell(holding('{', 6));
    await tell(holding('{"limit":2}', 7));
    stop();
    stop();
    await tell(holding('{"limit":3}', 8));
    expect(seen).toEqual([1, 2]);
  });

  it('may throw: the others are told, and so is `onError`, which may throw itself', async () => {
    const warnings: string[] = [];
    const hear = ({ message }: Error) => warnings.push(message);
    process.on('warning', hear);
    const config = open({
      onError: (error) => {
        throw error;
      },
    });
    const seen: number[] = [];
    config.subscribe(() => {
      throw new Error('mine');
    });
    config.subscribe(({ limit }) => seen.push(limit));
    await tell(holding('{"limit":1}', 5));
    await tell(holding('{"limit":2}', 6));
    await until(() => warnings.length === 2);
    process.off('warning', hear);
    expect(seen).toEqual([1, 2]);
    expect(warnings).toEqual(['liveConfig app: mine', 'liveConfig app: mine']);
  });

  it('may stop another, or subscribe, while they are told', async () => {
    const config = open();
    const seen: string[] = [];
    config.subscribe(() => {
      seen.push('first');
      stop();
      config.subscribe(() => seen.push('late'));
    });
    const stop = config.subscribe(() => seen.push('second'));
    await tell(holding('{"limit":1}', 5));
    expect(seen).toEqual(['first', 'second']);
  });
});

describe('the end of a live configuration', () => {
  it('leaves the value, asks nothing more, and rejects who waits', async () => {
    const config = open();
    await tell(holding('{"limit":1}', 5));
    config.close();
    config.close();
    await until(() => agent.openConnections === 0);
    expect(config.value).toEqual({ limit: 1 });
    expect(clock.pending).toBe(0);
    const other = open();
    const ready = expect(other.ready()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    other[Symbol.dispose]();
    await ready;
    await expect(other.ready()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    expect(errors).toEqual([]);
  });

  it('comes by its signal, of which nothing stays', async () => {
    const controller = new AbortController();
    const config = open({ signal: controller.signal });
    const ready = expect(config.ready()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await until(() => agent.asked.length === 1);
    controller.abort();
    await ready;
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    const late = open({ signal: controller.signal });
    await expect(late.ready()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    expect(agent.asked).toHaveLength(1);
    const used = new AbortController();
    open({ signal: used.signal }).close();
    expect(getEventListeners(used.signal, 'abort')).toEqual([]);
  });

  it('comes with that of the client', async () => {
    const config = open();
    const ready = expect(config.ready()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await until(() => agent.asked.length === 1);
    http.close();
    await ready;
    expect(errors).toEqual([]);
  });

  it('is not that of a wait for it', async () => {
    const config = open();
    const controller = new AbortController();
    const ready = expect(config.ready({ signal: controller.signal })).rejects.toBe('enough');
    controller.abort('enough');
    await ready;
    await tell(holding('{"limit":1}', 5));
    expect(await config.ready()).toEqual({ limit: 1 });
  });
});

describe('options of a live configuration', () => {
  it.each([
    [() => liveConfig(http, '', parse), 'liveConfig: expected a name'],
    [() => liveConfig(http, '/a', parse), 'begin with a slash'],
    [() => liveConfig(http, 'a', 5 as never), 'a function that makes a value of the text'],
    [() => liveConfig(http, 'a', parse, { inital: 5 } as never), 'unknown option "inital"'],
    [() => open().subscribe(5 as never), 'liveConfig.subscribe: expected a function'],
  ])('are refused at once where they make no sense (%#)', (attempt, why) => {
    expect(attempt).toThrow(why);
  });

  it('say where and how to read', async () => {
    open({ datacenter: 'dc2', consistency: 'stale' });
    await until(() => agent.asked.length === 1);
    expect(agent.asked[0]?.url).toBe('/v1/kv/app?dc=dc2&stale');
  });
});
