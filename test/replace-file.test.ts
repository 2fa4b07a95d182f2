import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { replaceFile } from '../src/replace-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'replace-file-'));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

it('replaces the file, and leaves nothing beside it, also where that fails', async () => {
  const file = join(directory, 'lists.json');
  await replaceFile(file, 'old');
  const made = await replaceFile(file, 'new');
  expect([readFileSync(file, 'utf8'), made.ino]).toEqual(['new', statSync(file).ino]);
  const taken = join(directory, 'taken');
  mkdirSync(join(taken, 'by a directory'), { recursive: true });
  await expect(replaceFile(taken, 'new')).rejects.toThrow();
  expect(readdirSync(directory).toSorted()).toEqual(['lists.json', 'taken']);
});
