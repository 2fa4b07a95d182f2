import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';

/**
 * Writes a file so that it is the old one or the new one at every instant, also when the machine stops: beside it first, then renamed.
 * Only the owner may read it.
 *
 * @returns what it was made, by which another's file in its place can be told.
 */
export async function replaceFile(file: string, text: string): Promise<Stats> {
  const beside = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    // Exclusive: nobody can have put a link there.
    const handle = await open(beside, 'wx', 0o600);
    let made: Stats;
    try {
      await handle.writeFile(text);
      await handle.sync();
      made = await handle.stat();
    } finally {
      await handle.close();
    }
    await rename(beside, file);
    return made;
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}
