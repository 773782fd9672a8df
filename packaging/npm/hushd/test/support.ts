/** What the tests share. tests/npm/test_npm.py names the files and the programs in the environment. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { type Client, HushdError } from '../src/index.ts';

export const RECORDING = process.env['HUSHD_TEST_RECORDING'] ?? '';
const HEAD = 44; // bytes of the recording's header
const BOUND_MS = 60_000;

/** The recording's samples, s16le at 16 kHz. */
export function samples(): Buffer {
  return readFileSync(RECORDING).subarray(HEAD);
}

/** Bytes in pieces of `seconds` of sound at 16 kHz. */
export function* pieces(bytes: Uint8Array, seconds: number): Generator<Uint8Array> {
  const size = 2 * Math.round(16000 * seconds);
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

export const words = (text: string): string[] => text.toLowerCase().match(/[a-z]+/g) ?? [];

/** The failure of `use`: its code, after a look at its sentence. */
export async function failure(use: () => PromiseLike<unknown>): Promise<HushdError> {
  try {
    await use();
  } catch (error) {
    assert.ok(error instanceof HushdError, String(error));
    assert.match(error.message, /^[^\n]+[^.\n]\S?$/s, 'one sentence');
    return error;
  }
  return assert.fail('it did not fail');
}

/** What `use` gives, once hushd was not too busy to list its engines within ten seconds. */
export async function patiently<T>(use: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await use();
    } catch (error) {
      if (!(error instanceof HushdError && error.code === 'worker_failed')) throw error;
    }
  }
}

/** Waits until hushd has no job under way. */
export async function idle(client: Client): Promise<void> {
  const end = Date.now() + BOUND_MS;
  while ((await client.status()).workers.some((worker) => worker.running + worker.queued > 0)) {
    assert.ok(Date.now() < end, 'a job is still under way');
    await sleep(20);
  }
}

/** Something that is waited for, and its end. */
export function signalled(): { happened: Promise<void>; tell: () => void } {
  let tell = () => {};
  const happened = new Promise<void>((resolve) => (tell = resolve));
  return { happened, tell };
}
