/** The supervisor goes away in the middle. HUSHD_TEST_HOLD is a file while which one piece is transcribed and no other. */

import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { Client } from '../src/index.ts';
import { failure, pieces, RECORDING, samples, words } from './support.ts';

const HOLD = process.env['HUSHD_TEST_HOLD'] ?? '';

test('of a recording whose supervisor was killed the rest is asked of the next one', async () => {
  writeFileSync(HOLD, '');
  using client = new Client();
  const first = (await client.status()).supervisor.pid;
  const texts: string[] = [];
  for await (const segment of client.transcribe(RECORDING)) {
    if (texts.push(segment.text) > 1) continue;
    process.kill(first, 'SIGKILL');
    rmSync(HOLD);
  }
  assert.equal(words(texts.join(' ')).join(' '), 'ever tried ever failed no matter try again fail again fail better');
  assert.notEqual((await client.status()).supervisor.pid, first);
});

test('a live session cannot be repeated, and says so', async () => {
  using client = new Client();
  const { pid } = (await client.status()).supervisor;
  const microphone = async function* () {
    yield* pieces(samples().subarray(0, 64000), 0.1);
    await new Promise((resolve) => setTimeout(resolve, 600_000).unref());
  };
  const onPartial = () => process.kill(pid, 'SIGKILL');
  const error = await failure(() => client.listen(microphone(), { continuous: true, onPartial }));
  assert.deepEqual([error.code, error.retryable], ['supervisor_lost', true]);
});

test('a restart loses nothing', async () => {
  using client = new Client();
  using other = new Client();
  const speech = client.synthesize('The first sentence. The second sentence. The third sentence.');
  let bytes = 0;
  for await (const chunk of speech) {
    if (bytes === 0) await other.control('restart');
    bytes += chunk.length;
  }
  assert.ok(Math.abs(bytes / 2 / speech.rate - speech.duration) < 0.01);
  assert.equal(words((await client.transcribe(RECORDING)).text).at(-1), 'better');
  await client.control('shutdown');
});
