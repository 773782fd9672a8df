import type { Message } from './connection.ts';
import type { Fields } from './msgpack.ts';

/** A word and when it was said, in seconds; `probability` is the model's, null where it tells none. */
export interface Word {
  word: string;
  start: number;
  end: number;
  probability: number | null;
}

/** A sentence or phrase. `words` is empty where the engine knows no word times, `speaker` where nobody asked. */
export interface Segment {
  id: number;
  start: number;
  end: number;
  text: string;
  words: Word[];
  speaker: string;
  unlikely: boolean;
}

/** A reason to doubt the result, a sentence that says what to do. */
export interface Warning {
  code: string;
  message: string;
}

/** A finished transcript. `ended`: `input`, or of live audio `endpoint` or `silence`; `data`: all that the result says. */
export interface Transcript {
  text: string;
  segments: Segment[];
  language: string;
  duration: number;
  ended: string;
  warnings: Warning[];
  data: Record<string, unknown>;
}

/** What is called while a transcript is made. */
export interface TranscriptEvents {
  /** The unfinished utterance of live audio: text that will not change, and the text behind it, which may. */
  onPartial?: (stable: string, unstable: string) => void;
  /** `began`, `ended`, `nothing`, `speaker`, `revised`: docs/PROTOCOL.md, section 8. */
  onEvent?: (kind: string, data: Record<string, unknown>) => void;
  /** The seconds done and in all, 0 where unknown. */
  onProgress?: (done: number, total: number) => void;
}

/**
 * A transcript while it is made: `await` it for the whole, or iterate over its segments, each as soon as it is known.
 * Nothing is asked before that, and each can be had once. Leaving the loop early cancels the request.
 */
export class Transcription implements AsyncIterable<Segment>, PromiseLike<Transcript> {
  readonly #messages: AsyncGenerator<Message>;
  readonly #events: TranscriptEvents;
  readonly #segments: Segment[] = [];
  #result: Fields = {};
  #whole: Promise<Transcript> | null = null;

  constructor(messages: AsyncGenerator<Message>, events: TranscriptEvents) {
    this.#messages = messages;
    this.#events = events;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Segment> {
    for await (const { fields } of this.#messages) {
      const data = (fields['data'] ?? {}) as Fields;
      if (fields['type'] === 'result') this.#result = data;
      else if (fields['type'] === 'progress')
        this.#events.onProgress?.(Number(fields['done'] ?? 0), Number(fields['total'] ?? 0));
      else if (fields['type'] === 'partial') {
        if (data['kind'] === 'segment') yield this.#take(data);
        else if (data['kind'] === 'unstable')
          this.#events.onPartial?.(String(data['stable'] ?? ''), String(data['text'] ?? ''));
        else this.#event(data);
      }
    }
  }

  /** Waits for the end; returns the whole, with the segments that were iterated over. */
  transcript(): Promise<Transcript> {
    return (this.#whole ??= this.#finish());
  }

  then<A = Transcript, B = never>(
    done?: ((transcript: Transcript) => A | PromiseLike<A>) | null,
    failed?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.transcript().then(done, failed);
  }

  async #finish(): Promise<Transcript> {
    for await (const _ of this);
    return {
      text: joined(this.#segments.map((segment) => segment.text)),
      segments: this.#segments,
      language: String(this.#result['language'] ?? ''),
      duration: Number(this.#result['duration'] ?? 0),
      ended: String(this.#result['ended'] ?? 'input'),
      warnings: (this.#result['warnings'] ?? []) as unknown as Warning[],
      data: this.#result,
    };
  }

  #take(data: Fields): Segment {
    const segment: Segment = {
      id: this.#segments.length, // its number in the answer begins at 0 again where a crash divided it
      start: Number(data['start']),
      end: Number(data['end']),
      text: String(data['text']),
      words: (data['words'] ?? []) as unknown as Word[],
      speaker: String(data['speaker'] ?? ''),
      unlikely: data['unlikely'] === true,
    };
    this.#segments.push(segment);
    return segment;
  }

  /** A segment whose speaker turns out to be another is put right. */
  #event(data: Fields): void {
    if (data['kind'] === 'revised') {
      const numbers = (data['segments'] ?? []) as number[];
      for (const number of numbers) {
        const segment = this.#segments[number];
        if (segment) segment.speaker = String(data['speaker']);
      }
    }
    this.#events.onEvent?.(String(data['kind']), data);
  }
}

// No space belongs beside Chinese and Japanese: ideographs, kana, their punctuation, forms of full width.
const UNSPACED = String.raw`[\u2e80-\u30ff\u31c0-\u31ff\u3400-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff9f\u{20000}-\u{3ffff}]`;
const ENDS = new RegExp(`${UNSPACED}$`, 'u');
const BEGINS = new RegExp(`^${UNSPACED}`, 'u');

/** The texts in one line. */
export function joined(texts: string[]): string {
  let line = '';
  for (const text of texts.map((each) => each.trim()).filter(Boolean)) {
    line += line && !ENDS.test(line) && !BEGINS.test(text) ? ` ${text}` : text;
  }
  return line;
}
