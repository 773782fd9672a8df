import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { extname } from 'node:path';

import type { Message } from './connection.ts';
import { HushdError, reason } from './errors.ts';
import type { Fields } from './msgpack.ts';

/** When a sentence and its words are spoken, in seconds of the speech; places are code points of the text. */
export interface Sentence {
  start: number;
  end: number;
  text_start: number;
  text_end: number;
  words: { start: number; end: number; text_start: number; text_end: number }[];
  estimated: boolean;
}

interface Piece {
  data: Uint8Array;
  offset: number | null;
}

const FORMATS: Record<string, string> = { '.aif': 'aiff', '.raw': 'pcm' };

/**
 * Speech, which is made when it is first used: iterate over it, or have its bytes, or save it; each once. What is made
 * and not read yet is kept in memory, 2.9 MB for a minute of samples. Leaving the loop early cancels the request.
 */
export class Speech implements AsyncIterable<Uint8Array> {
  /** Samples a second and channels, known with the first piece of `s16le`. */
  rate = 0;
  channels = 0;
  /** Seconds, and the voice that spoke: known at the end. */
  duration = 0;
  voice = '';
  readonly #ask: (format: string) => AsyncGenerator<Message>;
  readonly #format: string | undefined;
  readonly #onSentence: ((sentence: Sentence) => void) | undefined;

  constructor(
    ask: (format: string) => AsyncGenerator<Message>,
    format?: string,
    onSentence?: (sentence: Sentence) => void,
  ) {
    this.#ask = ask;
    this.#format = format;
    this.#onSentence = onSentence;
  }

  /** The samples (s16le), or the bytes of a file in the format that was asked for, in the order of a stream. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    let written = 0;
    for await (const { data, offset } of this.#pieces(this.#format ?? 's16le')) {
      if (offset !== null && offset < written) continue; // a header that is known only at the end
      written += data.length;
      yield data;
    }
  }

  /** All of it, as a file: a WAV unless another format was asked for. */
  async bytes(): Promise<Buffer> {
    const parts: Piece[] = [];
    let size = 0;
    for await (const piece of this.#pieces(this.#format ?? 'wav')) {
      parts.push({ data: piece.data, offset: (piece.offset ??= size) });
      size = Math.max(size, piece.offset + piece.data.length);
    }
    const file = Buffer.alloc(size);
    for (const { data, offset } of parts) file.set(data, offset!);
    return file;
  }

  /** Writes it to a file, in the format of its extension, which appears once it is whole. Throws `output_failed`. */
  async save(path: string): Promise<void> {
    const extension = extname(path).toLowerCase();
    const format = this.#format ?? FORMATS[extension] ?? (extension.slice(1) || 'wav');
    const draft = `${path}.${randomUUID()}.part`; // two may save there at once
    try {
      const file = await open(draft, 'w').catch(failed);
      try {
        let size = 0;
        for await (const { data, offset } of this.#pieces(format)) {
          const place = offset ?? size;
          await file.write(data, 0, data.length, place).catch(failed);
          size = Math.max(size, place + data.length);
        }
      } finally {
        await file.close();
      }
      await rename(draft, path).catch(failed);
    } catch (error) {
      await rm(draft, { force: true }).catch(() => {});
      throw error;
    }
  }

  async *#pieces(format: string): AsyncGenerator<Piece> {
    for await (const { fields, payload } of this.#ask(format)) {
      const data = (fields['data'] ?? {}) as Fields;
      if (fields['type'] === 'chunk') {
        this.rate = Number(fields['rate'] || this.rate);
        this.channels = Number(fields['channels'] || this.channels);
        yield { data: payload, offset: typeof fields['offset'] === 'number' ? fields['offset'] : null };
      } else if (fields['type'] === 'partial' && data['kind'] === 'sentence') {
        this.#onSentence?.(data as unknown as Sentence);
      } else if (fields['type'] === 'result') {
        this.duration = Number(data['duration'] ?? 0);
        this.rate = Number(data['rate'] ?? this.rate);
        this.voice = String(data['voice'] ?? '');
      }
    }
  }
}

function failed(error: unknown): never {
  throw new HushdError('output_failed', `The speech cannot be written (${reason(error)}).`, { cause: error });
}
