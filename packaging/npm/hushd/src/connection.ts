/** One connection to the supervisor: its frames, its hello, its pings, and the calls under way on it. */

import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';

import { HushdError, reason } from './errors.ts';
import { type Fields, pack, unpack } from './msgpack.ts';
import { VERSION } from './vocabulary.ts';
import { Decoder, GREETING, message, READY } from './zmtp.ts';

const MAGIC = Buffer.from('HSH1');
const PROTOCOL = 1;
export const MOST_PAYLOAD = 64 * 1024;
export const WINDOW = 8; // chunks under way in one direction of one request
const PATIENCE_MS = 10_000; // for a welcome: a service manager may only begin to start the supervisor
const TICK_MS = 3_000; // the supervisor pings every 2 s while it owes an answer
const SILENT_TICKS = 10;

/** A message of docs/PROTOCOL.md, section 4: its fields, with `type` among them, and its payload. */
export interface Message {
  fields: Fields;
  payload: Buffer;
}

/** A connection that has been welcomed. */
export class Connection {
  /** Resolves with the reason once the connection has ended. */
  readonly lost: Promise<HushdError>;
  /** The reason for which it takes no further requests, if there is one. */
  over: HushdError | null = null;
  readonly #socket: Socket;
  readonly #decoder = new Decoder();
  readonly #calls = new Map<string, Call>();
  #welcomed: () => void = () => {};
  #end: (error: HushdError) => void = () => {};
  #silent = 0;
  #ticking: NodeJS.Timeout | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.lost = new Promise((resolve) => (this.#end = resolve));
    socket.on('data', (data) => this.#take(data));
    socket.on('error', () => {});
    socket.on('close', () => this.#fail(gone('The supervisor went away: please try again.')));
  }

  /** Says hello over a fresh stream. Throws `supervisor_lost` where nobody answers, `version_mismatch`. */
  static async open(socket: Socket, holder: string | null): Promise<Connection> {
    const connection = new Connection(socket);
    const late = setTimeout(
      () => connection.#fail(gone('The supervisor does not answer: see `hushd logs`.')),
      PATIENCE_MS,
    );
    const welcome = new Promise<null>((resolve) => (connection.#welcomed = () => resolve(null)));
    socket.write(GREETING);
    connection.#hello = { type: 'hello', protocol: PROTOCOL, version: VERSION, holder, pid: process.pid };
    const error = await Promise.race([welcome, connection.lost]);
    clearTimeout(late);
    if (error) throw error;
    connection.#rest();
    return connection;
  }

  #hello: Fields | null = null;

  /** Sends a request or a control message, and returns what is to come of it. */
  call(fields: Fields, payload: Uint8Array = Buffer.alloc(0)): Call {
    const call = new Call(this, fields['id'] as Uint8Array);
    if (this.over) call.end(this.over);
    else {
      this.#calls.set(call.key, call);
      this.#rest();
      this.send(fields, payload);
    }
    return call;
  }

  send(fields: Fields, payload: Uint8Array = Buffer.alloc(0)): void {
    if (!this.#socket.destroyed) this.#socket.write(message([MAGIC, pack(fields), payload]));
  }

  /** Tells the call that nothing more will come of it. */
  forget(call: Call): void {
    this.#calls.delete(call.key);
    this.#rest();
  }

  close(): void {
    this.#fail(new HushdError('cancelled', 'The client was closed.'));
  }

  #fail(error: HushdError): void {
    this.over ??= error;
    this.#socket.destroy();
    for (const call of this.#calls.values()) call.end(error);
    this.#calls.clear();
    this.#rest();
    this.#end(error);
  }

  /** Keeps the program alive, and the supervisor watched, only while an answer is due. */
  #rest(): void {
    const busy = this.#calls.size > 0;
    if (busy) this.#socket.ref();
    else this.#socket.unref();
    if (busy && !this.#ticking) this.#ticking = setInterval(() => this.#tick(), TICK_MS);
    if (!busy && this.#ticking) {
      clearInterval(this.#ticking);
      this.#ticking = null;
      this.#silent = 0;
    }
  }

  #tick(): void {
    if (++this.#silent > SILENT_TICKS) this.#fail(gone('The supervisor has stopped answering: see `hushd logs`.'));
    else if (this.#silent > 1) this.send({ type: 'pong' });
  }

  #take(data: Buffer): void {
    this.#silent = 0;
    try {
      const { greeted, ready } = this.#decoder;
      const messages = this.#decoder.take(data);
      if (!greeted && this.#decoder.greeted) this.#socket.write(READY);
      if (!ready && this.#decoder.ready) this.send(this.#hello!);
      for (const frames of messages) this.#receive(frames);
    } catch (error) {
      const known = error instanceof HushdError;
      const sentence = `The supervisor sent what is not hushd/1 (${reason(error)}): see \`hushd logs\`.`;
      this.#fail(known ? error : new HushdError('protocol_error', sentence));
    }
  }

  #receive(frames: Buffer[]): void {
    const [magic, header, payload] = frames;
    if (frames.length !== 3 || !magic!.equals(MAGIC)) throw new RangeError('expected HSH1, a header and a payload');
    const fields = unpack(header!) as Fields;
    if (fields === null || typeof fields !== 'object' || typeof fields['type'] !== 'string') {
      throw new RangeError('the header is not a map with a type');
    }
    const { type, id } = fields;
    if (type === 'ping') this.send({ type: 'pong' });
    else if (type === 'welcome') this.#welcomed();
    else if (id instanceof Uint8Array && id.length > 0) this.#pass(id, { fields, payload: payload! });
    else if (type === 'error') throw connectionError(fields);
  }

  #pass(id: Uint8Array, received: Message): void {
    if (received.fields['code'] === 'shutting_down') {
      this.over ??= errorOf(received.fields); // it leaves, and refuses what comes now
    }
    this.#calls.get(Buffer.from(id).toString('hex'))?.receive(received);
  }
}

/** One request under way: its answers come in, its input goes out. Its `messages` end with the result. */
export class Call {
  readonly id: Uint8Array;
  readonly key: string;
  readonly #connection: Connection;
  readonly #received: Message[] = [];
  #error: HushdError | null = null;
  #over = false;
  #expected = 0; // the next seq of the answer
  #ungranted = 0; // chunks received since the last grant
  #credit = 0;
  #seq = 0;
  #changed: () => void = () => {};
  #granted: () => void = () => {};

  constructor(connection: Connection, id: Uint8Array) {
    this.#connection = connection;
    this.id = id;
    this.key = Buffer.from(id).toString('hex');
  }

  /** The answers as they come, the `result` last. Whoever leaves the loop early cancels the request. */
  async *messages(): AsyncGenerator<Message> {
    try {
      for (;;) {
        const next = this.#received.shift();
        if (next) {
          yield next;
          if (next.fields['type'] === 'result') return;
        } else if (this.#error) throw this.#error;
        else await new Promise<void>((resolve) => (this.#changed = resolve));
      }
    } finally {
      this.cancel(new HushdError('cancelled', 'The request was cancelled.'));
    }
  }

  /** Ends the request with `error`, unless it has ended; nothing more is read of it. */
  cancel(error: HushdError): void {
    if (this.#over) return;
    this.#connection.send({ type: 'cancel', id: this.id });
    this.#connection.forget(this);
    this.#received.length = 0;
    this.end(error);
  }

  /** Called when no more answers come, because of `error`. */
  end(error: HushdError | null): void {
    this.#error ??= error;
    this.#over = true;
    this.#changed();
    this.#granted();
  }

  receive(received: Message): void {
    const { fields } = received;
    if (fields['type'] === 'chunk' || fields['type'] === 'partial') {
      if (fields['seq'] !== this.#expected++) {
        return this.cancel(new HushdError('protocol_error', 'A piece of the answer is missing: please report this.'));
      }
      if (fields['type'] === 'chunk' && ++this.#ungranted === WINDOW / 2) {
        this.#connection.send({ type: 'credit', id: this.id, chunks: this.#ungranted });
        this.#ungranted = 0;
      }
    }
    if (fields['type'] === 'credit') {
      const chunks = Number(fields['chunks']);
      if (!(chunks > 0))
        return this.cancel(new HushdError('protocol_error', 'A grant is no number: please report this.'));
      this.#credit += chunks;
      return this.#granted();
    }
    if (fields['type'] === 'error') {
      this.#connection.forget(this);
      return this.end(errorOf(fields));
    }
    this.#received.push(received);
    if (fields['type'] === 'result') {
      this.#connection.forget(this);
      return this.end(null);
    }
    this.#changed();
  }

  /** Sends input, in pieces, as the worker grants credit; what its source throws ends the call. */
  async send(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    try {
      for await (const piece of pieces) {
        for (let start = 0; start < piece.length; start += MOST_PAYLOAD) {
          if (!(await this.#chunk(piece.subarray(start, start + MOST_PAYLOAD), false))) return;
        }
      }
      await this.#chunk(Buffer.alloc(0), true);
    } catch (error) {
      this.cancel(
        error instanceof HushdError
          ? error
          : new HushdError('input_unreadable', `The input ended with an error (${reason(error)}).`, { cause: error }),
      );
    }
  }

  /** Sends one chunk once there is credit; returns false where the call has ended. */
  async #chunk(payload: Uint8Array, last: boolean): Promise<boolean> {
    while (this.#credit === 0 && !this.#over) await new Promise<void>((resolve) => (this.#granted = resolve));
    if (this.#over) return false;
    this.#credit--;
    this.#connection.send({ type: 'chunk', id: this.id, seq: this.#seq++, last }, payload);
    return true;
  }
}

export const newId = (): Uint8Array => randomBytes(16);

function gone(sentence: string): HushdError {
  return new HushdError('supervisor_lost', sentence, { retryable: true });
}

function errorOf(fields: Fields): HushdError {
  return new HushdError(String(fields['code']), String(fields['message'] ?? 'The request failed: see `hushd logs`.'), {
    retryable: fields['retryable'] === true,
    retryAfterMs: typeof fields['retry_after_ms'] === 'number' ? fields['retry_after_ms'] : null,
    detail: (fields['detail'] ?? {}) as Fields,
  });
}

/** The end of a connection by an error that concerns no request: one that was given up for its slowness is lost. */
function connectionError(fields: Fields): HushdError {
  return fields['code'] === 'slow_consumer' ? gone(String(fields['message'])) : errorOf(fields);
}
