import { readFile, stat } from 'node:fs/promises';
import { DiscoveryError } from '../errors.ts';

/** What may stand in a header. A token is one word. */
const sendable = /^[!-~]+$/;

export function isSendable(token: string): boolean {
  return sendable.test(token);
}

/**
 * The ACL token of a client. Private to this object: nothing that prints it shows the token.
 *
 * One from a file is read again when the file changes, so that it can be replaced while the program runs. An empty file: the token that is
 * given beside it, as with Consul's command line.
 */
export class Token {
  readonly #fixed: string | undefined;
  readonly #file: string | undefined;
  #read: string | undefined;
  #version = '';

  constructor(fixed: string | undefined, file: string | undefined) {
    this.#fixed = fixed;
    this.#file = file;
  }

  /** @throws DiscoveryError ERR_INVALID_OPTION where its file cannot be read and never could; one that was read before is used on. */
  async current(): Promise<string | undefined> {
    if (this.#file === undefined) return this.#fixed;
    try {
      const { mtimeMs, ctimeMs, size, ino } = await stat(this.#file);
      const version = `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
      if (version !== this.#version) {
        this.#take((await readFile(this.#file, 'utf8')).trim());
        this.#version = version;
      }
    } catch (cause) {
      if (this.#read === undefined) {
        const { message } = cause as Error;
        throw new DiscoveryError('ERR_INVALID_OPTION', `Consul's token file cannot be read: ${message}`, {
          cause,
        });
      }
    }
    return this.#read ?? this.#fixed;
  }

  #take(text: string): void {
    // Being written at this moment, it may be empty: what was read before is used on.
    if (text === '') return;
    if (!isSendable(text)) throw new Error('it holds more than one word');
    this.#read = text;
  }
}
