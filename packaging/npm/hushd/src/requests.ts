/** Requests: sent over a connection that is made when it is needed, and repeated where nothing is lost by that. */

import { setTimeout as sleep } from 'node:timers/promises';

import { Connection, type Message, newId, WINDOW } from './connection.ts';
import { HushdError } from './errors.ts';
import type { Input } from './input.ts';
import type { Fields } from './msgpack.ts';
import { reach } from './supervisor.ts';

const GONE = ['supervisor_lost', 'shutting_down'];
const MOST_LOST = 3; // supervisors in a row; with one that a request kills there must be an end
const LEAVE_MS = 10_000; // for one that refuses requests to have gone
const CHANGING = ['unload', 'yield', 'reload', 'listen', 'restart', 'shutdown'];

/** A request without its input: the fields of docs/PROTOCOL.md. */
export interface Request {
  worker: string;
  op: string;
  params: Fields;
  options: Fields;
}

/** The way of one client to the supervisor. */
export class Link {
  readonly #holder: string | null;
  readonly #start: boolean;
  readonly #command: string | undefined;
  #connecting: Promise<Connection> | null = null;
  #borrowed = false;

  constructor(holder: string | null, start: boolean, command: string | undefined) {
    this.#holder = holder;
    this.#start = start;
    this.#command = command;
  }

  /** The connection, a new one where the last one was lost. Throws `no_supervisor` and the like. */
  async connection(): Promise<Connection> {
    const last = await this.#connecting?.catch(() => null);
    if (last && !last.over) return last;
    if (last) {
      const patience = new AbortController(); // its timer keeps the program alive, which the socket does no longer
      await Promise.race([last.lost, sleep(LEAVE_MS, undefined, patience).catch(() => {})]);
      patience.abort();
      this.#connecting = null;
    }
    const connecting = (this.#connecting ??= this.#connect());
    connecting.catch(() => this.#connecting === connecting && (this.#connecting = null));
    return connecting;
  }

  async #connect(): Promise<Connection> {
    for (let lost = 0; ; lost++) {
      const { socket, borrowed } = await reach(this.#start, this.#command);
      this.#borrowed = borrowed;
      try {
        return await Connection.open(socket, this.#holder);
      } catch (error) {
        if (!isGone(error) || lost === MOST_LOST) throw error;
        await sleep(20 * 2 ** lost); // one that is about to end: the next is found, or started
      }
    }
  }

  /** Sends a control message; returns the data of its result. */
  async control(action: string, fields: Fields = {}): Promise<Fields> {
    const connection = await this.connection();
    if (this.#borrowed && CHANGING.includes(action)) {
      throw new HushdError(
        'unsupported',
        "The supervisor that answers is another session's, and is not changed from here.",
      );
    }
    for await (const { fields: answer } of connection
      .call({ type: 'control', id: newId(), action, ...fields })
      .messages()) {
      if (answer['type'] === 'result') return (answer['data'] ?? {}) as Fields;
    }
    throw new HushdError('protocol_error', 'The supervisor gave no result: please report this.');
  }

  close(): void {
    void this.#connecting?.then((connection) => connection.close()).catch(() => {});
    this.#connecting = null;
  }
}

/**
 * The answers to a request, the result last. It is repeated where nothing of the answer was handed out and the input
 * can be read again; of a recording's transcript only the rest is asked for. Leaving the loop cancels it.
 */
export async function* answers(
  link: Link,
  request: Request,
  input: Input,
  signal?: AbortSignal,
): AsyncGenerator<Message> {
  const attempts = new Attempts(request, input);
  for (;;) {
    try {
      for await (const received of once(link, attempts, input, signal)) {
        attempts.note(received);
        yield received;
      }
      return;
    } catch (error) {
      if (!(error instanceof HushdError) || signal?.aborted || !attempts.again(error)) throw error;
    }
  }
}

async function* once(link: Link, attempts: Attempts, input: Input, signal?: AbortSignal): AsyncGenerator<Message> {
  if (signal?.aborted) throw HushdError.aborted(signal);
  const connection = await abortable(link.connection(), signal);
  const call = connection.call(attempts.fields(), attempts.streamed ? undefined : input.payload);
  const abort = () => call.cancel(HushdError.aborted(signal!));
  signal?.addEventListener('abort', abort, { once: true });
  try {
    if (attempts.streamed) void call.send(input.pieces());
    yield* call.messages();
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

function abortable<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(HushdError.aborted(signal));
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** How far a request was answered, and how it is asked again: docs/PROTOCOL.md, sections 3 and 9. */
class Attempts {
  readonly #request: Request;
  readonly #input: Input;
  #form: Fields;
  #id = newId();
  #attempt = 0;
  #handedOut = false; // whether the caller has a part of the answer, which cannot be taken back
  #rest: Fields = {}; // the parameters that ask for what is missing of a transcript
  #repeated = false;
  #lost = 0;

  constructor(request: Request, input: Input) {
    this.#request = request;
    this.#input = input;
    this.#form = input.fields;
  }

  get streamed(): boolean {
    return this.#form['input'] === 'stream';
  }

  fields(): Fields {
    const { worker, op, params, options } = this.#request;
    const all = { ...params, ...this.#rest };
    return {
      type: 'request',
      id: this.#id,
      worker,
      op,
      credit: WINDOW,
      ...options,
      ...this.#form,
      params: all,
      attempt: this.#attempt,
    };
  }

  note({ fields }: Message): void {
    const data = (fields['data'] ?? {}) as Fields;
    if (
      fields['type'] === 'chunk' ||
      (fields['type'] === 'partial' && ['segment', 'sentence'].includes(String(data['kind'])))
    ) {
      this.#handedOut = true;
      if (data['kind'] === 'segment') this.#rest = restOf(data);
    }
  }

  /** Returns whether it helps against `error` to send the request again, as `fields` has it from now on. */
  again(error: HushdError): boolean {
    const { code } = error;
    const blameless = isGone(error) || code === 'worker_stopped';
    const { op, params, options } = this.#request;
    if (!this.#input.whole || options['session']) return false;
    if (this.#handedOut) {
      if (op !== 'transcribe' || params['diarize'] || !(blameless || code === 'worker_crashed')) return false;
      this.#handedOut = this.#repeated = false;
      this.#lost = MOST_LOST - 1;
    } else if (code === 'path_unreachable' && !this.streamed) this.#form = { input: 'stream' };
    else if (isGone(error)) {
      if (++this.#lost > MOST_LOST) return false;
    } else if (this.#repeated) return false;
    else if (code === 'worker_crashed' && (this.streamed || this.#form['input'] === 'none')) {
      this.#repeated = true;
      this.#attempt = 1; // under the same id, so that a second crash is known to be this input's
      return true;
    } else if (blameless) this.#repeated = true;
    else return false;
    this.#id = newId();
    this.#attempt = 0;
    return true;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof HushdError && GONE.includes(error.code);
}

function restOf(segment: Fields): Fields {
  const start_s = Math.max(Number(segment['end'] ?? 0), Number(segment['rest'] ?? 0));
  return segment['language'] ? { start_s, language: segment['language'] } : { start_s };
}
