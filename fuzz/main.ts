/**
 * npm run fuzz                        10⁷ hostile replies to the client, 10⁷ mutated ones to the decoder, then guessing from off the path
 * npm run fuzz -- 1e5 --seed 7        fewer, and the same ones again
 * npm run fuzz -- --only decoder      one part: client, decoder, off-path
 * npm run fuzz -- --save              keeps what was found in fuzz/corpus.json
 *
 * Ends with code 1 if a hostile reply was believed, anything threw, a decoded reply broke a rule, or memory grew.
 */
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { createRandom } from '../src/random.ts';
import { fuzzClient } from './client.ts';
import { Corpus } from './corpus.ts';
import { fuzzDecoder } from './decoder.ts';
import { offPath, type Setting, secretsAlone } from './off-path.ts';
import { emptyTally, failures, memoryInUse } from './report.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string' },
    only: { type: 'string' },
    save: { type: 'boolean', default: false },
  },
});
const count = Number(positionals[0] ?? 1e7);
const seed = values.seed === undefined ? randomBytes(4).readUInt32LE() : Number(values.seed);
const all = ['client', 'decoder', 'off-path'];
const parts = all.filter((part) => values.only === undefined || values.only === part);
if (!Number.isInteger(count) || count < 1 || !Number.isInteger(seed) || parts.length === 0) {
  console.error(
    'Expected: npm run fuzz -- [replies] [--seed integer] [--only client|decoder|off-path] [--save]',
  );
  process.exit(2);
}

let failed = 0;
process.on('unhandledRejection', (reason) => {
  failed++;
  console.error('FAILURE: unhandled rejection', reason);
});

console.log(`seed ${seed}`);
const fuzzed = parts.filter((part) => part === 'client' || part === 'decoder');
for (const part of fuzzed) failed += await fuzz(part, count);
if (parts.includes('off-path')) failed += await guess();
console.log(failed === 0 ? 'passed' : `FAILED (${failed})`);
process.exitCode = failed === 0 ? 0 : 1;

/** In ten steps, memory measured after each. Returns the number of failures. */
async function fuzz(part: string, replies: number): Promise<number> {
  const corpus = new Corpus();
  const random = createRandom(seed);
  const tally = emptyTally();
  const samples: number[] = [];
  console.log(`\n${part}: ${replies} replies, corpus of ${corpus.size}`);
  let busy = 0;
  for (let step = 1; step <= 10; step++) {
    const start = performance.now();
    const given = part === 'client' ? tally.hostile : tally.replies;
    const share = Math.ceil(replies * (step / 10)) - given;
    if (part === 'client') await fuzzClient(share, corpus, random, tally);
    else fuzzDecoder(share, corpus, random, tally);
    busy += performance.now() - start;
    const { heap, buffers } = memoryInUse();
    samples.push(heap + buffers);
    console.log(
      `  ${String(tally.replies).padStart(9)} replies  ${Math.round(tally.replies / (busy / 1000))}/s  accepted ${tally.accepted}  exceptions ${tally.exceptions}  corpus ${corpus.size}  heap ${heap.toFixed(1)} MB  buffers ${buffers.toFixed(1)} MB`,
    );
  }
  // The first steps compile the code and grow the corpus.
  const growth = Math.max(...samples.slice(5)) - Math.max(...samples.slice(0, 5));
  const grew = growth > 4 && globalThis.gc !== undefined;
  console.log(
    `${part}: ${tally.replies} replies, ${tally.hostile} of them hostile: ${tally.accepted} accepted, ${tally.exceptions} exceptions, ${tally.violations} rules broken; ${tally.decoded} read${part === 'decoder' ? `, ${tally.slowest.toFixed(1)} ms at most` : ''}; memory ${growth >= 0 ? '+' : ''}${growth.toFixed(1)} MB in the second half`,
  );
  if (grew) console.error('FAILURE: memory grew');
  if (values.save) corpus.save(128);
  return failures(tally) + (grew ? 1 : 0);
}

/** Returns the number of failures. */
async function guess(): Promise<number> {
  const name = 'web.service.consul';
  const usual = {
    trials: 1_000,
    replies: 100_000,
    name,
    transport: 'auto',
    idKnown: false,
    followsPort: false,
  } as const;
  const settings: (Setting & { undefended?: boolean; most: number })[] = [
    // One guess that meets the id and the spelling; with a wrong spelling the question goes to TCP.
    { ...usual, what: 'port known', expected: (1_000 * 256) / 2 ** 32, most: 0 },
    {
      ...usual,
      what: 'port known, the next one too, TCP not wanted',
      transport: 'udp',
      followsPort: true,
      expected: (1_000 * 512) / 2 ** 32,
      most: 0,
    },
    {
      ...usual,
      what: 'port known, id and spelling alone to stop him',
      undefended: true,
      expected: (1_000 * 1e5) / 2 ** 32,
      most: 1,
    },
    { ...usual, what: 'port and id known', idKnown: true, expected: 1_000 / 2 ** 16, most: 2 },
    // Proof that this simulation can see a success: with two letters the paper says one in four.
    {
      ...usual,
      what: 'port and id known, a name of two letters',
      name: 'a.b',
      idKnown: true,
      expected: 250,
      most: 320,
    },
  ];
  let failures = 0;
  console.log('\noff-path guessing: 1 000 trials of 100 000 forged replies each');
  for (const setting of settings) {
    const { what, expected, most } = setting;
    const { accepted, delivered, abandoned } = setting.undefended
      ? secretsAlone(setting, seed)
      : await offPath(setting, seed);
    const fine = accepted <= most && (expected < 100 || accepted >= expected - 70);
    if (!fine) failures++;
    console.log(
      `  ${fine ? '' : 'FAILURE: '}${what}: ${accepted} accepted (paper: ${expected.toPrecision(2)}), ${delivered} reached an open socket, ${abandoned} sockets given up`,
    );
  }
  return failures;
}
