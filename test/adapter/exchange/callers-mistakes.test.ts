import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Moment } from './asking.ts';
import { closed, exchangeWorld, nothingIsLeft, refused } from './exchange-world.ts';
import { FakeSocket } from './fake-socket.ts';
import { manners } from './scripted-transport.ts';

for (const manner of manners) {
  describe(`mistakes of the caller, in the ${manner} manner`, () => {
    const mistakes = {
      UND_ERR_INVALID_ARG: 'invalid header key',
      UND_ERR_NOT_SUPPORTED: 'expect header not supported',
      UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: 'Request body length does not match content-length header',
      UND_ERR_DESTROYED: 'The client is destroyed',
      UND_ERR_CLOSED: 'The client is closed',
      UND_ERR_ABORTED: 'Request aborted',
      ERR_INVALID_ARG_TYPE: 'The "chunk" argument must be of type string',
    };

    it.each(Object.entries(mistakes))(
      'count against nobody and are not repeated: %s',
      async (code, message) => {
        const world = await exchangeWorld({ retries: 2, retryOn: () => true });
        const error = Object.assign(new Error(message), { code });
        world.transport.atSend = (sent) => sent.fail(error);
        const asker = world.ask(manner);
        await world.settle();
        expect(asker.told).toEqual(['begin', `error: ${message}`]);
        expect(asker.error).toBe(error);
        expect(world.said).toEqual(['a nothing 0']);
        nothingIsLeft(world);
      },
    );

    it('have no code where undici found them at once', async () => {
      const world = await exchangeWorld({ retries: 2, retryOn: () => true });
      world.transport.atSend = (sent) =>
        sent.fail(new TypeError('Cannot convert a Symbol value to a string'));
      const asker = world.ask(manner);
      await world.settle();
      expect(asker.told).toEqual(['begin', 'error: Cannot convert a Symbol value to a string']);
      expect(world.said).toEqual(['a nothing 0']);
      nothingIsLeft(world);
    });

    it('have no code either where there are parameters beside parameters', async () => {
      const world = await exchangeWorld({ retries: 2, retryOn: () => true });
      world.transport.atSend = (sent) => sent.fail(new Error('Query params cannot be passed'));
      world.ask(manner, { path: '/?a=1', query: { b: 2 } } as object);
      await world.settle();
      expect(world.said).toEqual(['a nothing 0']);
      expect(world.path).toBe('a');
    });

    it('are not those of a mock below that fails at once', async () => {
      const world = await exchangeWorld();
      world.transport.atSend = (sent) => sent.fail(new Error('mocked'));
      world.ask(manner);
      await world.settle();
      expect(world.said).toEqual(['a failed 0']);
      expect(world.path).toBe('ab');
    });

    it('are not those of an endpoint that fails at once', async () => {
      const world = await exchangeWorld({ retries: 0 });
      world.transport.atSend = (sent) => sent.fail(refused());
      world.ask(manner);
      expect(world.said).toEqual(['a failed 0']);
    });

    it('are not those that undici finds without a code later', async () => {
      const world = await exchangeWorld({ retries: 0 });
      world.ask(manner);
      world.transport.last.fail(new TypeError('no tunnel'));
      expect(world.said).toEqual(['a failed 0']);
    });

    it('include a stream of his that breaks', async () => {
      const world = await exchangeWorld({ retries: 2, retryOn: () => true });
      const body = new Readable({ read() {} });
      body.on('error', () => {});
      const asker = world.ask(manner, { method: 'PUT', body });
      const error = new Error('disk full');
      world.transport.last.begin();
      body.destroy(error);
      world.transport.last.fail(error);
      await world.settle();
      expect(asker.error).toBe(error);
      expect(world.said).toEqual(['a nothing 0']);
      nothingIsLeft(world);
    });

    it('do not include a stream of his that was well when the connection broke', async () => {
      const world = await exchangeWorld({ retries: 2, retryOn: () => true });
      world.ask(manner, { method: 'PUT', body: new Readable({ read() {} }) });
      world.transport.last.begin().fail(closed());
      expect(world.said).toEqual(['a failed 0']);
    });

    it('include an iterable of his that throws', async () => {
      const world = await exchangeWorld({ retries: 2, retryOn: () => true });
      const asker = world.ask(manner, { method: 'PUT', body: (async function* () {})() });
      world.transport.last.begin().fail(new Error('no more'));
      await world.settle();
      expect(asker.told).toEqual(['begin', 'error: no more']);
      expect(world.said).toEqual(['a nothing 0']);
      nothingIsLeft(world);
    });

    it.each<[Moment, string[]]>([
      ['started', ['begin']],
      ['head', ['begin', 'head 200']],
      ['data', ['begin', 'head 200', 'data body']],
      ['bodySent', ['begin']],
      ['requestSent', ['begin']],
    ])(
      'include a handler that throws at "%s": it is told of that, and nobody else',
      async (moment, before) => {
        const world = await exchangeWorld({ retries: 2, retryOn: () => true, timeout: 1_000 });
        const thrown = new Error('handler broke');
        const asker = world.ask(
          manner,
          {},
          {
            at: {
              [moment]: () => {
                throw thrown;
              },
            },
          },
        );
        world.transport.last.begin().bodySent().respond(200);
        await world.settle();
        expect(asker.told).toEqual([...before, 'error: handler broke']);
        expect(asker.error).toBe(thrown);
        expect(world.transport.last.aborted).toEqual({ reason: thrown });
        expect(world.said[0]).toMatch(/^a nothing/);
        nothingIsLeft(world);
      },
    );

    it('include a handler that throws as it is told to begin', async () => {
      const world = await exchangeWorld({ timeout: 1_000 });
      const asker = world.ask(
        manner,
        {},
        {
          at: {
            begin: () => {
              throw new Error('handler broke');
            },
          },
        },
      );
      expect(asker.told).toEqual(['begin', 'error: handler broke']);
      expect(world.path).toBe('');
      nothingIsLeft(world);
    });

    it('include a handler that throws at the end: it is told of that as undici would, and the endpoint did well', async () => {
      const world = await exchangeWorld();
      const asker = world.ask(
        manner,
        {},
        {
          at: {
            end: () => {
              throw new Error('handler broke');
            },
          },
        },
      );
      world.transport.last.respond(200);
      expect(asker.told).toEqual(['begin', 'head 200', 'data body', 'end', 'error: handler broke']);
      expect(world.said).toEqual(['a ok 0/0']);
      nothingIsLeft(world);
    });

    it('include a handler that throws at an upgrade, whose socket is closed', async () => {
      const world = await exchangeWorld();
      const socket = new FakeSocket();
      const asker = world.ask(
        manner,
        {},
        {
          at: {
            upgrade: () => {
              throw new Error('handler broke');
            },
          },
        },
      );
      world.transport.last.upgrade(socket);
      expect(asker.told).toEqual(['begin', 'upgrade', 'error: handler broke']);
      expect(socket.destroyed).toBe(true);
      nothingIsLeft(world);
    });

    it('include a handler that throws at an error, which leaves nothing behind', async () => {
      const world = await exchangeWorld({ retries: 0, timeout: 1_000 });
      world.ask(
        manner,
        {},
        {
          at: {
            error: () => {
              throw new Error('handler broke');
            },
          },
        },
      );
      expect(() => world.transport.last.fail(refused())).toThrow('handler broke');
      expect(world.said).toEqual(['a failed 0']);
      nothingIsLeft(world);
    });
  });
}
