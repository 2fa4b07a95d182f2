import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Token } from '../../src/consul/token.ts';

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'consul-token-'));
  file = join(directory, 'token');
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('a token', () => {
  it('is what it was given as', async () => {
    expect(await new Token('canary', undefined).current()).toBe('canary');
    expect(await new Token(undefined, undefined).current()).toBeUndefined();
  });

  it('comes from its file, without the white space around it', async () => {
    writeFileSync(file, '\n canary \n');
    expect(await new Token('other', file).current()).toBe('canary');
  });

  it('is read again when its file is written, and when another takes its place', async () => {
    writeFileSync(file, 'first');
    const token = new Token(undefined, file);
    expect(await token.current()).toBe('first');
    writeFileSync(file, 'later');
    expect(await token.current()).toBe('later');
    writeFileSync(`${file}.new`, 'third');
    renameSync(`${file}.new`, file);
    expect(await token.current()).toBe('third');
  });

  it('stays while its file is away or being written', async () => {
    writeFileSync(file, 'first');
    const token = new Token(undefined, file);
    await token.current();
    writeFileSync(file, '');
    expect(await token.current()).toBe('first');
    rmSync(file);
    expect(await token.current()).toBe('first');
    writeFileSync(file, 'two words');
    expect(await token.current()).toBe('first');
    writeFileSync(file, 'second');
    expect(await token.current()).toBe('second');
  });

  it('of an empty file is the one given beside it', async () => {
    writeFileSync(file, '');
    expect(await new Token('other', file).current()).toBe('other');
  });

  it('of a file that never could be read is an error with its path', async () => {
    const missing = new Token(undefined, file).current();
    await expect(missing).rejects.toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringContaining(file),
    });
  });

  it('of a file with more than a word is an error that does not show it', async () => {
    writeFileSync(file, 'canary\ncanary');
    const error = await new Token(undefined, file).current().catch((caught) => caught);
    expect(error.message).toContain('more than one word');
    expect(inspect(error)).not.toContain('canary');
  });

  it('is shown by nothing', async () => {
    writeFileSync(file, 'canary');
    const token = new Token('canary', file);
    await token.current();
    expect(inspect(token, { showHidden: true, depth: 9 })).not.toContain('canary');
    expect(JSON.stringify(token)).toBe('{}');
  });
});
