/**
 * A DEALER's side of ZMTP 3.0 (RFC 23, mechanism NULL) over a Unix socket: all that hushd/1 needs of ZeroMQ, so that
 * this package has no native part. The bytes that arrive come in, whole messages go out; it opens no socket.
 */

const MORE = 1;
const LONG = 2;
const COMMAND = 4;
const GREETING_BYTES = 64;
const MOST_BYTES = 128 * 1024; // MAX_WIRE of docs/PROTOCOL.md
const MOST_FRAMES = 16;

/** Sent first: the signature, version 3.0, the mechanism, and no server of it. */
export const GREETING = Buffer.concat([
  Buffer.of(0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0),
  Buffer.from('NULL'.padEnd(20, '\0')),
  Buffer.alloc(32),
]);

/** Sent upon the other's greeting. */
export const READY = frame(Buffer.from('\x05READY\x0bSocket-Type\0\0\0\x06DEALER', 'latin1'), COMMAND);

/** The bytes of one message of several frames. */
export function message(frames: readonly Uint8Array[]): Buffer {
  return Buffer.concat(frames.map((body, index) => frame(body, index < frames.length - 1 ? MORE : 0)));
}

function frame(body: Uint8Array, flags: number): Buffer {
  if (body.length < 0x100) return Buffer.concat([Buffer.of(flags, body.length), body]);
  const head = Buffer.of(flags | LONG, 0, 0, 0, 0, 0, 0, 0, 0);
  head.writeBigUInt64BE(BigInt(body.length), 1);
  return Buffer.concat([head, body]);
}

/** Reads what a ROUTER sends. */
export class Decoder {
  /** True once the other side's greeting was read: then READY is due. */
  greeted = false;
  /** True once it is READY too: messages may be sent. */
  ready = false;
  #data: Buffer = Buffer.alloc(0);
  #frames: Buffer[] = [];

  /** Takes bytes that arrived; returns the messages that are whole by now. Throws a `RangeError` for another protocol. */
  take(data: Buffer): Buffer[][] {
    this.#data = this.#data.length ? Buffer.concat([this.#data, data]) : data;
    if (!this.greeted && !this.#greeting()) return [];
    const messages: Buffer[][] = [];
    for (let next = this.#frame(); next; next = this.#frame()) {
      if (next.flags & COMMAND) this.#command(next.body);
      else {
        this.#frames.push(next.body);
        if (this.#frames.length > MOST_FRAMES) throw new RangeError('a message has too many frames');
        if (next.flags & MORE) continue;
        messages.push(this.#frames);
        this.#frames = [];
      }
    }
    return messages;
  }

  #greeting(): boolean {
    if (this.#data.length < GREETING_BYTES) return false;
    const mechanism = this.#data.toString('latin1', 12, 32).replace(/\0+$/, '');
    if (this.#data[0] !== 0xff || this.#data[9] !== 0x7f || this.#data[10]! < 3 || mechanism !== 'NULL') {
      throw new RangeError('the other side does not speak ZMTP 3');
    }
    this.#data = this.#data.subarray(GREETING_BYTES);
    return (this.greeted = true);
  }

  #frame(): { flags: number; body: Buffer } | null {
    const flags = this.#data[0];
    const start = flags !== undefined && flags & LONG ? 9 : 2;
    if (flags === undefined || this.#data.length < start) return null;
    const size = start === 9 ? Number(this.#data.readBigUInt64BE(1)) : this.#data.readUInt8(1);
    if (size > MOST_BYTES) throw new RangeError(`a frame has ${size} bytes`);
    if (this.#data.length < start + size) return null;
    const body = this.#data.subarray(start, start + size);
    this.#data = this.#data.subarray(start + size);
    return { flags, body };
  }

  #command(body: Buffer): void {
    const name = body.toString('latin1', 1, 1 + (body[0] ?? 0));
    if (name === 'ERROR') throw new RangeError('the other side refused the handshake');
    this.ready ||= name === 'READY';
  }
}
