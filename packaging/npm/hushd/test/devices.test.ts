/** The loudspeaker and the microphone, by hushd's own programs, on devices that keep a diary (HUSHD_DIARY). */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { listen, say } from '../src/index.ts';
import { failure, words } from './support.ts';

const heard = (): number => readFileSync(process.env['HUSHD_DIARY'] ?? '', 'utf8').match(/ heard /g)?.length ?? 0;

test('say plays, and returns when all was heard', async () => {
  const before = heard();
  await say('It is done.', { wpm: 300 });
  assert.equal(heard(), before + 1);
});

test('say speaks while its text is written', async () => {
  const before = heard();
  const text = async function* () {
    yield 'It is ';
    yield 'done.';
  };
  await say(text(), { priority: 'notification' });
  assert.equal(heard(), before + 1);
});

test('a program that refuses is one sentence with its code', async () => {
  const error = await failure(() => say('Hello.', { voice: 'nobody' }));
  assert.equal(error.code, 'bad_request');
  assert.match(error.message, /^There is no voice/);
});

test('an aborted signal ends what is said', async () => {
  const error = await failure(() => say('This is a long text. '.repeat(100), { signal: AbortSignal.timeout(2000) }));
  assert.deepEqual([error.code, error.name], ['cancelled', 'TimeoutError']);
});

test('listen writes down what is said, until the speaker stops', async () => {
  assert.match(words(await listen()).join(' '), /^ever tried/);
});

test('lines come one by one', async () => {
  const lines: string[] = [];
  for await (const line of listen({ continuous: true })) {
    lines.push(line);
    if (/better/i.test(lines.join(' '))) break;
  }
  assert.ok(lines.length > 1, lines.join(' | '));
});
