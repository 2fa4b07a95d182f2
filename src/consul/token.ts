import { readFile, stat } from 'node:fs/promises';
import { DiscoveryError } from '../errors.ts';

/**
 * The ACL token of a client. Private to this object: nothing that prints it shows the token.
 *
 * One from a file is read again when the file changes, so that it can be replaced while the program runs.
 */
export class Token {
  readonly #fixed: string | undefined;
  readonly #file: string | undefined;
  #read: string | undefined;
  #version = '';

  constructor(fixed: string | undefined, file: string | undefined) {
    this.#fixed = fixed;
    this.#file = fixed === undefined ? file : undefined;
  }

  /** @throws DiscoveryError where its file cannot be read and never could; one that was read before is used on. */
  async current(): Promise<string | undefined> {
    if (this.#file === undefined) return this.#fixed;
    try {
      const { mtimeMs, size, ino } = await stat(this.#file);
      const version = `${mtimeMs} ${size} ${ino}`;
      if (version !== this.#version) {
        const text = (await readFile(this.#file, 'utf8')).trim();
        // Written at this moment: the next request will see what it becomes.
        if (text !== '') {
          this.#read = text;
          this.#version = version;
        }
      }
    } catch (cause) {
      if (this.#read === undefined) {
        const { message } = cause as Error;
        throw new DiscoveryError(
          'ERR_INVALID_OPTION',
          `The token file of Consul cannot be read: ${message}`,
          {
            cause,
          },
        );
      }
    }
    return this.#read;
  }

  /** The text with every occurrence of the token blotted out. */
  hidden(text: string): string {
    let shown = text;
    for (const secret of [this.#fixed, this.#read])
      if (secret !== undefined && secret !== '') shown = shown.replaceAll(secret, '(token)');
    return shown;
  }
}
