/** What a request is given: a file by its path, bytes in memory, or what is read while it is written. */

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { MOST_PAYLOAD } from './connection.ts';
import { HushdError, reason } from './errors.ts';
import type { Fields } from './msgpack.ts';

/** A recording: its path, the bytes of a file, samples (with `rate`), or any of these bytes as they come. */
export type Audio = string | URL | Uint8Array | Float32Array | Int16Array | AsyncIterable<Uint8Array>;

/** A text, or its pieces while they are written, such as the answer of a language model. */
export type Text = string | AsyncIterable<string> | Iterable<string>;

/** The input of one request. `fields` are those of the request; `pieces` the bytes, for the input `stream`. */
export interface Input {
  fields: Fields;
  payload?: Uint8Array;
  pieces: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** Whether `pieces` can be read again from the start, so that the request can be repeated. */
  whole: boolean;
}

export const NOTHING: Input = { fields: { input: 'none' }, pieces: () => [], whole: true };

/** The input for `audio`. Throws `input_unreadable` for a file that cannot be sent, `bad_request` for anything else. */
export async function ofAudio(audio: Audio, hasRate: boolean): Promise<Input> {
  if (typeof audio === 'string' || audio instanceof URL) return ofFile(audio);
  if (!hasRate && (audio instanceof Float32Array || audio instanceof Int16Array)) {
    throw new HushdError('bad_request', 'Samples need their rate: transcribe(samples, { rate: 16000 }).');
  }
  if (audio instanceof Float32Array) return ofBytes(bytesOf(Int16Array.from(audio, level)));
  if (audio instanceof Int16Array) return ofBytes(bytesOf(audio));
  if (audio instanceof Uint8Array) return ofBytes(audio);
  if (isStream(audio)) return ofStream(audio);
  throw new HushdError('bad_request', 'Audio is a path, bytes, samples, or an async iterable of bytes.');
}

/** The input for `text`. Throws `bad_request` where there is none. */
export function ofText(text: Text): Input {
  if (typeof text !== 'string') return ofStream(utf8(text));
  if (!text.trim()) throw new HushdError('bad_request', 'There is nothing to say: the text is empty.');
  return ofBytes(Buffer.from(text));
}

export function isStream(value: unknown): value is AsyncIterable<Uint8Array> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

export async function* utf8(text: AsyncIterable<string> | Iterable<string>): AsyncGenerator<Uint8Array> {
  for await (const piece of text) yield Buffer.from(piece);
}

async function ofFile(name: string | URL): Promise<Input> {
  const shown = JSON.stringify(String(name));
  if (/^(https?|ftp):/i.test(String(name))) {
    const sentence = `${shown} is an address on the web, and hushd downloads no recordings: fetch it, and give its body.`;
    throw new HushdError('input_unreadable', sentence);
  }
  try {
    const path = name instanceof URL ? fileURLToPath(name) : resolve(name);
    const info = await stat(path, { bigint: true });
    if (!info.isFile()) throw new Error(info.isDirectory() ? 'it is a folder' : 'it is not a regular file');
    if (info.size === 0n) throw new Error('it is empty');
    const { dev: device, ino: inode, size } = info;
    const fields = { input: 'path', path, device, inode, size };
    return { fields, pieces: () => createReadStream(path, { highWaterMark: MOST_PAYLOAD }), whole: true };
  } catch (error) {
    throw new HushdError('input_unreadable', `${shown} cannot be read (${reason(error)}).`, { cause: error });
  }
}

function ofBytes(bytes: Uint8Array): Input {
  if (bytes.length > MOST_PAYLOAD) return { fields: { input: 'stream' }, pieces: () => [bytes], whole: true };
  return { fields: { input: 'inline' }, payload: bytes, pieces: () => [bytes], whole: true };
}

function ofStream(pieces: AsyncIterable<Uint8Array>): Input {
  return { fields: { input: 'stream' }, pieces: () => pieces, whole: false };
}

function bytesOf(samples: Int16Array): Uint8Array {
  return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
}

function level(sample: number): number {
  return Math.max(-32768, Math.min(32767, Math.round(sample * 32767)));
}
