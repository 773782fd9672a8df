import { flags, Lines, runListen, runSay } from './commands.ts';
import type { Message } from './connection.ts';
import { HushdError } from './errors.ts';
import { type Audio, isStream, NOTHING, ofAudio, ofText, type Text } from './input.ts';
import type { Fields, Value } from './msgpack.ts';
import type { LiveOptions, SynthesizeOptions, TranscribeOptions } from './options.ts';
import { answers, Link, type Request } from './requests.ts';
import { type Sentence, Speech } from './speech.ts';
import { type TranscriptEvents, Transcription } from './transcription.ts';

export type Priority = 'important' | 'message' | 'text' | 'notification' | 'progress';

/** What each request may say. */
export interface RequestOptions {
  engine?: string;
  /** One of the engine's, or ENGINE/NAME. */
  model?: string;
  priority?: Priority;
  /** Seconds that the worker stays after the job: 0 not at all, -1 for ever; left out: as configured, 5 minutes. */
  keepAlive?: number;
  /** Seconds after which the request is given up, with `deadline_exceeded`. */
  deadline?: number;
  /** `cpu`, `cuda:1`: a worker that computes elsewhere is moved there first. */
  computeDevice?: string;
  /** Ends the request at once: the error's code is `cancelled`, its name `AbortError` or `TimeoutError`. */
  signal?: AbortSignal;
}

/** Samples of your own: their rate in Hz, and their channels, interleaved. Without a rate it is the bytes of a file. */
export interface Samples {
  rate?: number;
  channels?: number;
}

export interface SpeechOptions extends SynthesizeOptions, RequestOptions {
  /** Of the bytes when iterated over: `s16le` (the default) for samples, or a kind of file such as `mp3`. */
  format?: string;
  /** Called before each sentence's audio, with its times and those of its words. */
  onSentence?: (sentence: Sentence) => void;
}

/** Options of speech that is played. */
export interface SayOptions extends Pick<SynthesizeOptions, 'voice' | 'language' | 'wpm' | 'volume' | 'markup'> {
  /** The loudspeaker's name, or how that begins. */
  device?: string;
  engine?: string;
  model?: string;
  priority?: Priority;
  signal?: AbortSignal;
}

/** Options of the microphone. */
export interface MicrophoneOptions extends Pick<TranscribeOptions, 'language' | 'prompt' | 'hotwords'> {
  /** Line after line, until the loop is left or `signal` ends it. */
  continuous?: boolean;
  /** Seconds of silence that end an utterance, 0.8. */
  silenceS?: number;
  /** Seconds in which somebody must begin to speak, 30; else the error is `no_speech`. */
  noSpeechS?: number;
  /** The words that end it, such as `over`. */
  until?: string;
  /** The microphone's name, or how that begins. */
  device?: string;
  engine?: string;
  model?: string;
  signal?: AbortSignal;
}

/** A voice that `synthesize` and `say` take by its name. */
export interface Voice {
  name: string;
  language: string;
  gender: string;
  engine: string;
  model: string;
  installed: boolean;
}

/** A model for speech to text (`stt`), to speech (`tts`), or for words that wake (`wake`). */
export interface Model {
  role: string;
  /** ENGINE/NAME, as `model` takes it. */
  name: string;
  languages: string[];
  memoryMb: number;
  installed: boolean;
}

/** What `hushd status --json` prints; names that are not here are in docs/PROTOCOL.md. */
export interface Status {
  supervisor: {
    pid: number;
    version: string;
    uptime_s: number;
    rss_mb: number;
    pss_mb: number;
    [name: string]: unknown;
  };
  workers: {
    name: string;
    state: string;
    pid: number;
    running: number;
    queued: number;
    pss_mb: number;
    [name: string]: unknown;
  }[];
  memory: { budget_mb: number; used_mb: number; available_mb: number; pressure: string; [name: string]: unknown };
  [name: string]: unknown;
}

export interface ClientOptions {
  /** The name under which `keepAlive` holds workers; left out: they are released with this connection. */
  holder?: string;
  /** Whether a supervisor may be started; true. */
  start?: boolean;
  /** The program `hushd`; left out: the one in PATH, or in ~/.local/bin. */
  command?: string;
}

/**
 * A program's way to hushd. It connects with the first request, and starts the supervisor when none runs. An open
 * connection does not keep the program alive, a request under way does. Each failure is a `HushdError`.
 */
export class Client {
  readonly #link: Link;
  readonly #command: string | undefined;
  #voices: Promise<Voice[]> | null = null;

  constructor(options: ClientOptions = {}) {
    this.#command = options.command;
    this.#link = new Link(options.holder ?? null, options.start ?? true, options.command);
  }

  /** The transcript of a recording: `await` it, or iterate over its segments. */
  transcribe(
    audio: Audio,
    options: TranscribeOptions & Samples & RequestOptions & TranscriptEvents = {},
  ): Transcription {
    const { onPartial, onEvent, onProgress, ...rest } = options;
    const raw = rest.rate !== undefined;
    const params = raw ? { format: 's16le', ...own(rest) } : own(rest);
    const ask = async () => ({
      request: requestFor('stt', 'transcribe', params, rest),
      input: await ofAudio(audio, raw),
    });
    return new Transcription(this.#answers(ask, rest.signal), { onPartial, onEvent, onProgress } as TranscriptEvents);
  }

  /** What is said into the microphone, until the speaker stops: `await` it, or iterate over the lines. */
  listen(options?: MicrophoneOptions): Lines;
  /** The transcript of live samples (s16le), until the speaker stops or, with `continuous`, the samples end. */
  listen(
    samples: AsyncIterable<Uint8Array>,
    options?: LiveOptions & TranscribeOptions & Samples & RequestOptions & TranscriptEvents,
  ): Transcription;
  listen(
    source: AsyncIterable<Uint8Array> | MicrophoneOptions = {},
    options: LiveOptions & TranscribeOptions & Samples & RequestOptions & TranscriptEvents = {},
  ): Lines | Transcription {
    if (!isStream(source)) return this.#microphone(source);
    const { onPartial, onEvent, onProgress, ...rest } = options;
    const params: Fields = { format: 's16le', rate: 16000, channels: 1, live: true, ...own(rest) };
    const ask = async () => ({
      request: requestFor('stt', 'transcribe', params, rest, { session: true }),
      input: await ofAudio(source, true),
    });
    return new Transcription(this.#answers(ask, rest.signal), { onPartial, onEvent, onProgress } as TranscriptEvents);
  }

  /** Speech as data, while it is made, and while its text is written. `say` plays it. */
  synthesize(text: Text, options: SpeechOptions = {}): Speech {
    const { format, onSentence, ...rest } = options;
    const ask = (form: string) =>
      this.#answers(async () => {
        const voice = await this.#voice(rest);
        const params = { ...own(voice), format: form, ...(onSentence && { timeline: true }) };
        return { request: requestFor('tts', 'synthesize', params, voice), input: ofText(text) };
      }, rest.signal);
    return new Speech(ask, format, onSentence);
  }

  /** Speaks a text on the loudspeaker, also while it is written; returns when the last word was heard. */
  say(text: Text, options: SayOptions = {}): Promise<void> {
    const { signal, wpm, markup, device, ...rest } = options;
    const marks = { markdown: markup === 'markdown', ssml: markup === 'ssml' };
    return runSay(text, flags({ ...rest, rate: wpm, 'audio-device': device, ...marks }), this.#command, signal);
  }

  /** All voices, installed or not. */
  async voices(): Promise<Voice[]> {
    const described = await this.control('describe', 'tts');
    return listed(described['tts'], 'engines').flatMap((engine) =>
      listed(engine, 'voices').map((voice) => ({
        name: String(voice['name']),
        language: String(voice['language'] ?? ''),
        gender: String(voice['gender'] ?? ''),
        engine: String(voice['engine'] || engine['name']),
        model: String(voice['model'] ?? ''),
        installed: voice['installed'] === true,
      })),
    );
  }

  /** All models that hushd knows, installed or not. */
  async models(): Promise<Model[]> {
    const roles = Object.entries(await this.control('describe'));
    return roles.flatMap(([role, described]) =>
      listed(described, 'engines').flatMap((engine) =>
        listed(engine, 'models').map((model) => ({
          role,
          name: `${String(engine['name'])}/${String(model['name'])}`,
          languages: (model['languages'] ?? []) as string[],
          memoryMb: Number(model['memory_mb'] ?? 0),
          installed: model['installed'] === true,
        })),
      ),
    );
  }

  /** What runs, and how much memory it has. */
  async status(): Promise<Status> {
    return (await this.control('status')) as unknown as Status;
  }

  /** Starts workers (`stt`, `tts/hibari`); returns when they are ready. */
  async preload(...workers: string[]): Promise<void> {
    await Promise.all(
      workers.map(async (worker) => {
        const request = { worker, op: 'warm', params: {}, options: {} };
        for await (const _ of answers(this.#link, request, NOTHING));
      }),
    );
  }

  /** Ends workers, all where none is named, after the jobs of other programs; returns the names of those that ran. */
  async unload(...workers: string[]): Promise<string[]> {
    return (await this.control('unload', ...workers))['unloaded'] as string[];
  }

  /** Sends any control message of docs/PROTOCOL.md, for which there is no method; returns the data of its result. */
  async control(action: string, ...names: string[]): Promise<Fields> {
    return this.#link.control(action, names.length ? { names } : {});
  }

  /** Closes the connection, which cancels the requests under way. The next one connects again. */
  close(): void {
    this.#link.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #microphone(options: MicrophoneOptions): Lines {
    const { signal, silenceS, noSpeechS, device, prompt, hotwords, ...rest } = options;
    const names = typeof hotwords === 'string' ? hotwords : hotwords?.join(', ');
    const named = {
      silence: silenceS,
      timeout: noSpeechS,
      'audio-device': device,
      'initial-prompt': prompt,
      hotwords: names,
    };
    return new Lines(runListen(flags({ ...rest, ...named }), this.#command, signal));
  }

  async *#answers(
    ask: () => Promise<{ request: Request; input: Awaited<ReturnType<typeof ofAudio>> }>,
    signal?: AbortSignal,
  ): AsyncGenerator<Message> {
    if (signal?.aborted) throw HushdError.aborted(signal);
    const { request, input } = await ask();
    yield* answers(this.#link, request, input, signal);
  }

  /** The voices, asked for once. */
  #known(): Promise<Voice[]> {
    const known = (this.#voices ??= this.voices());
    known.catch(() => (this.#voices = null));
    return known;
  }

  /** `options` with the engine and model of the voice they name, or of the first voice that speaks their language. */
  async #voice<Options extends SpeechOptions>(options: Options): Promise<Options> {
    const { voice, language, engine, model } = options;
    if (engine || model || !(voice || language)) return options;
    const [, maker, name] = /^([^/]+)\/(.+)$/.exec(voice ?? '') ?? [];
    const here = (await this.#known()).filter((each) => each.installed);
    const chosen = here.find((each) =>
      voice ? each.name === (name ?? voice) && (!maker || each.engine === maker) : speaks(each, language!),
    );
    if (!chosen) return options; // the engine's own sentence says what there is
    return { ...options, voice: chosen.name, engine: chosen.engine, ...(chosen.model && { model: chosen.model }) };
  }
}

/** The list of this name in what was described. Throws `protocol_error` where there is none. */
function listed(described: Value | undefined, name: string): Fields[] {
  const list = (described as Fields | null | undefined)?.[name];
  if (Array.isArray(list)) return list as Fields[];
  throw new HushdError(
    'protocol_error',
    `The supervisor described no ${name}: is it of another version than this package?`,
  );
}

/** The parameters among the options, by the names that they have in the protocol. */
function own(options: object): Fields {
  const { engine, model, priority, keepAlive, deadline, computeDevice, signal, ...params } = options as Record<
    string,
    unknown
  >;
  const named = Object.entries(params).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(named.map(([name, value]) => [snake(name), plain(name, value)]));
}

function plain(name: string, value: unknown): Value {
  return name === 'hotwords' && Array.isArray(value) ? value.join(', ') : (value as Value);
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const speaks = (voice: Voice, language: string): boolean =>
  voice.language.toLowerCase().split('-')[0] === language.toLowerCase().split('-')[0];

function requestFor(role: string, op: string, params: Fields, options: RequestOptions, fields: Fields = {}): Request {
  const { engine, model, priority, keepAlive, deadline, computeDevice } = options;
  if (model && !engine && !model.includes('/')) {
    throw new HushdError('bad_request', `Name the engine of the model '${model}' too, as ENGINE/${model}.`);
  }
  return {
    worker: [role, engine, model].filter(Boolean).join('/'),
    op,
    params,
    options: {
      ...fields,
      ...(priority && { priority }),
      ...(keepAlive !== undefined && { keep_alive: keepAlive }),
      ...(deadline !== undefined && { deadline_ms: Math.max(1, Math.round(deadline * 1000)) }),
      ...(computeDevice && { compute_device: computeDevice }),
    },
  };
}
