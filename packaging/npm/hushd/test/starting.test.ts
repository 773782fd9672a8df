/** Where no supervisor runs: it is started, or one sentence says what is missing. */

import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, test } from 'node:test';

import { Client } from '../src/index.ts';
import { failure, RECORDING, words } from './support.ts';

const environment = { ...process.env };

afterEach(() => {
  process.env = { ...environment };
});

test('a hushd that does not run is started', async () => {
  using client = new Client();
  assert.match((await client.transcribe(RECORDING)).text, /try again/i);
  const { supervisor } = await client.status();
  await client.control('shutdown');
  assert.ok(supervisor.pid > 1);
});

test('one that has left is started again, for the same client', async () => {
  using client = new Client();
  const first = (await client.status()).supervisor.pid;
  await client.control('shutdown');
  const { text } = await client.transcribe(RECORDING);
  assert.equal(words(text).at(-1), 'better');
  assert.notEqual((await client.status()).supervisor.pid, first);
  await client.control('shutdown');
});

test('what to install is said where hushd is not', async () => {
  const nowhere = mkdtempSync(`${tmpdir()}/hushd-`);
  Object.assign(process.env, { PATH: nowhere, HOME: nowhere, HUSHD_RUNTIME_DIR: nowhere });
  for (const use of [() => new Client().status(), () => new Client().say('Hello.'), () => new Client().listen()]) {
    const error = await failure(use);
    assert.equal(error.code, 'no_supervisor');
    assert.match(error.message, /`hushd` is not installed: run `uv tool install/);
  }
});

test('nothing is started where that is not wanted', async () => {
  process.env['HUSHD_RUNTIME_DIR'] = mkdtempSync(`${tmpdir()}/hushd-`);
  assert.equal((await failure(() => new Client({ start: false }).status())).code, 'no_supervisor');
  process.env['HUSHD_AUTOSTART'] = '0';
  assert.equal((await failure(() => new Client().status())).code, 'no_supervisor');
});

test('a supervisor that cannot start says why', async () => {
  process.env['HUSHD_RUNTIME_DIR'] = mkdtempSync(`${tmpdir()}/hushd-`);
  const error = await failure(() => new Client({ command: '/bin/false' }).status());
  assert.equal(error.code, 'no_supervisor');
  assert.match(error.message, /did not start/);
});

test("another machine's hushd is not asked in silence", async () => {
  process.env['HUSHD_ENDPOINT'] = 'ssh://desktop';
  assert.equal((await failure(() => new Client().status())).code, 'unsupported');
});
