/** What programs ask of a hushd that runs: recordings, live sound, speech, errors, cancelling. */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { Client, models, status, synthesize, transcribe, voices } from '../src/index.ts';
import { failure, idle, patiently, pieces, RECORDING, samples, signalled, words } from './support.ts';

const SPOKEN = 'ever tried ever failed no matter try again fail again fail better';
const SOUND = samples();
const LONG = 'This sentence is one of very many. '.repeat(300);

test('the text of a recording comes back, whole and segment by segment', async () => {
  const transcript = await transcribe(RECORDING);
  assert.equal(words(transcript.text).join(' '), SPOKEN);
  assert.ok(transcript.duration > 9 && transcript.language === 'en');
  const segments = [];
  for await (const segment of transcribe(RECORDING)) segments.push(segment);
  assert.deepEqual(segments, transcript.segments);
});

test('bytes, a stream of them, and samples are heard like the file', async () => {
  const bytes = readFileSync(RECORDING);
  const stream = async function* () {
    yield* pieces(bytes, 1);
  };
  const numbers = Int16Array.from({ length: SOUND.length / 2 }, (_, index) => SOUND.readInt16LE(2 * index));
  const floats = Float32Array.from(numbers, (number) => number / 32767);
  const texts = await Promise.all([
    transcribe(bytes),
    transcribe(stream()),
    transcribe(numbers, { rate: 16000 }),
    transcribe(floats, { rate: 16000 }),
  ]);
  for (const { text } of texts) assert.equal(words(text).join(' '), SPOKEN);
});

test('a live session gives text before all of it was said', async () => {
  const client = new Client();
  const { happened, tell } = signalled();
  let before = '';
  const microphone = async function* () {
    const all = [...pieces(SOUND, 0.1)];
    yield* all.slice(0, 30);
    await happened; // the speaker goes on once there is text of the beginning
    yield* all.slice(30);
  };
  const onPartial = (stable: string, unstable: string) => {
    before ||= /ever/i.exec(stable + unstable)?.[0] ?? ''; // the first guess is often another
    if (before) tell();
  };
  const { text, ended } = await client.listen(microphone(), { continuous: true, onPartial });
  assert.equal(words(text).at(-1), 'better');
  assert.equal(ended, 'input');
  client.close();
});

test('speech is a WAV of the length that the result tells', async () => {
  const speech = synthesize('The memory is given back.');
  const wav = await speech.bytes();
  assert.equal(wav.toString('latin1', 0, 4) + wav.toString('latin1', 8, 12), 'RIFFWAVE');
  assert.equal(wav.readUInt32LE(4), wav.length - 8);
  const data = wav.length - wav.indexOf('data') - 8;
  assert.ok(Math.abs(data / 2 / speech.rate - speech.duration) < 0.01, `${data} bytes, ${speech.duration} s`);
  assert.equal(words((await transcribe(wav)).text).join(' '), 'the memory is given back');
});

test('a file is saved in the format of its name', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'hushd-')), 'done.ogg');
  await synthesize('Done.').save(path);
  assert.equal(readFileSync(path, 'latin1').slice(0, 4), 'OggS');
});

test('sound comes while the text is still written', async () => {
  const { happened, tell } = signalled();
  const text = async function* () {
    yield 'The first sentence is spoken at once. And ';
    await happened; // nothing more is written before the first sound
    yield 'the second later.';
  };
  const sentences: number[] = [];
  let bytes = 0;
  const speech = synthesize(text(), { onSentence: (sentence) => sentences.push(sentence.start) });
  for await (const chunk of speech) {
    bytes += chunk.length;
    tell();
  }
  assert.ok(Math.abs(bytes / 2 / speech.rate - speech.duration) < 0.01);
  assert.ok(sentences.length >= 2);
});

test('an aborted signal ends the job at hushd', async () => {
  using client = new Client();
  const abort = new AbortController();
  const text = async function* () {
    yield 'The first sentence. And '; // hushd waits for the rest without a limit
    await new Promise((resolve) => setTimeout(resolve, 600_000).unref());
  };
  const error = await failure(async () => {
    for await (const _ of client.synthesize(text(), { signal: abort.signal })) {
      assert.ok((await client.status()).workers.some((worker) => worker.running > 0));
      abort.abort();
    }
  });
  assert.deepEqual([error.code, error.name], ['cancelled', 'AbortError']);
  await idle(client);
  const late = await failure(() => client.synthesize(LONG, { signal: AbortSignal.timeout(1) }).bytes());
  assert.deepEqual([late.code, late.name], ['cancelled', 'TimeoutError']);
  await idle(client);
});

test('leaving the loop ends the job at hushd', async () => {
  using client = new Client();
  for await (const _ of client.synthesize(LONG)) break;
  await idle(client);
});

test('each wrong request is one sentence with its code', async () => {
  const bad = { beamSize: 0 };
  const codes: [string, () => PromiseLike<unknown>][] = [
    ['input_unreadable', () => transcribe('/nowhere/at/all.wav')],
    ['input_unreadable', () => transcribe('https://example.org/a.wav')],
    ['input_unreadable', () => transcribe(Buffer.from('This is no recording.'))],
    ['bad_request', () => transcribe(RECORDING, bad)],
    ['bad_request', () => transcribe(RECORDING, { model: 'tiny-en' })],
    ['bad_request', () => transcribe(new Int16Array(16000))],
    ['bad_request', () => synthesize(' ').bytes()],
    ['bad_request', () => synthesize('Hello.', { voice: 'nobody' }).bytes()],
    ['engine_missing', () => transcribe(RECORDING, { engine: 'nobody' })],
    ['output_failed', () => synthesize('Hello.').save('/nowhere/at/all.wav')],
  ];
  for (const [code, use] of codes) {
    const error = await patiently(() =>
      failure(use).then((each) => (each.code === 'worker_failed' ? Promise.reject(each) : each)),
    );
    assert.equal(error.code, code, error.message);
  }
});

test('a failed source of sound is an error of the request', async () => {
  const broken = async function* () {
    yield SOUND.subarray(0, 32000);
    throw new Error('the cable is out');
  };
  const error = await failure(() => transcribe(broken(), { rate: 16000 }));
  assert.deepEqual(
    [error.code, error.message],
    ['input_unreadable', 'The input ended with an error (the cable is out).'],
  );
});

test('a voice is found in the engine that has it', async () => {
  const voice = (await patiently(voices)).find((each) => each.installed);
  const speech = synthesize('Hello.', { voice: `${voice?.engine}/${voice?.name}` });
  await patiently(() => speech.bytes());
  assert.equal(speech.voice, voice?.name);
});

test('models and the status are told', async () => {
  const here = (await patiently(models)).filter((model) => model.installed).map((model) => model.name);
  assert.ok(here.includes('moonshine/tiny-en') && here.includes('hibari/en'));
  assert.ok((await status()).supervisor.pid > 1);
});

test('a hundred requests at once are all answered', async () => {
  using client = new Client();
  const lengths = await Promise.all(Array.from({ length: 100 }, async () => (await client.status()).workers.length));
  assert.equal(lengths.length, 100);
});
