/** A supervisor that is broken, or goes away: one that the tests play, in the folder that HUSHD_RUNTIME_DIR names. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';

import { Client } from '../src/index.ts';
import { type Fields, pack, unpack } from '../src/msgpack.ts';
import { Decoder, GREETING, message } from '../src/zmtp.ts';
import { failure } from './support.ts';

const FOLDER = process.env['HUSHD_RUNTIME_DIR'] ?? '';
const MAGIC = Buffer.from('HSH1');
const NOTHING = Buffer.alloc(0);
const READY = Buffer.from('\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06ROUTER', 'latin1');

type Say = (fields: Fields, payload?: Buffer) => void;
type Play = (say: Say, received: Fields, socket: Socket) => void;

/** Runs `use` while a supervisor plays `play` for each message after the hello; `raw` speaks no ZMTP. */
async function played(use: () => Promise<unknown>, play: Play | null, raw?: (socket: Socket) => void): Promise<void> {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    if (raw) raw(socket);
    else answer(socket, play!);
  });
  const path = join(FOLDER, 'client.sock');
  await new Promise<void>((listening) => server.listen(path, listening));
  try {
    await use();
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

function answer(socket: Socket, play: Play): void {
  const decoder = new Decoder();
  const say: Say = (fields, payload = NOTHING) => socket.write(message([MAGIC, pack(fields), payload]));
  socket.write(GREETING);
  socket.on('data', (data) => {
    const { greeted } = decoder;
    const messages = decoder.take(data);
    if (!greeted && decoder.greeted) socket.write(READY);
    for (const [, header] of messages) {
      const fields = unpack(header!) as Fields;
      if (fields['type'] === 'hello') say({ type: 'welcome', protocol: 1, version: '' });
      else play(say, fields, socket);
    }
  });
}

const result = (say: Say, { id }: Fields, data: Fields = {}): void => say({ type: 'result', id: id!, data });

const chunk = (say: Say, { id }: Fields, seq: number, payload: Buffer): void =>
  say({ type: 'chunk', id: id!, seq, rate: 24000, channels: 1 }, payload);

async function size(speech: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const { length } of speech) bytes += length;
  return bytes;
}

test('what is not hushd/1 is told in a sentence, and the next request connects anew', async () => {
  const garbage = [
    message([Buffer.from('HSH2'), pack({ type: 'ping' }), NOTHING]),
    message([MAGIC, pack({ type: 'ping' })]),
    message([MAGIC, NOTHING, NOTHING]),
    message([MAGIC, Buffer.of(0xc1), NOTHING]),
    message([MAGIC, pack([1]), NOTHING]),
    message([MAGIC, Buffer.alloc(5000, 0x91), NOTHING]), // lists in lists
    message([MAGIC, Buffer.of(0xdd, 0xff, 0xff, 0xff, 0xff), NOTHING]), // a list of four thousand million
    Buffer.concat([Buffer.of(2), Buffer.alloc(8, 0x7f)]), // a frame of as many bytes as there are none
    Buffer.alloc(90, Buffer.of(1, 1, 65)), // a message of more and more frames
  ];
  using client = new Client({ start: false });
  for (const bytes of garbage) {
    let first = true;
    const use = async () => {
      assert.equal((await failure(() => client.status())).code, 'protocol_error');
      assert.deepEqual(await client.control('status'), { fine: true });
    };
    await played(use, (say, received, socket) => {
      if (first) socket.write(bytes);
      else result(say, received, { fine: true });
      first = false;
    });
    client.close();
  }
  const use = async () => assert.equal((await failure(() => client.status())).code, 'protocol_error');
  await played(use, null, (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'.padEnd(100)));
});

test('answers of another shape fail as errors do', async () => {
  using client = new Client({ start: false });
  const use = async () => {
    assert.equal((await failure(() => client.voices())).code, 'protocol_error');
    assert.equal((await failure(() => client.models())).code, 'protocol_error');
    assert.match((await failure(() => client.unload())).message, /failed/);
  };
  await played(use, (say, received) => {
    if (received['action'] === 'describe') result(say, received, { tts: null });
    else say({ type: 'error', id: received['id']! });
  });
});

test('a socket that closes in the middle ends a stream with what can be done, and nothing is heard twice', async () => {
  using client = new Client({ start: false });
  let requests = 0;
  const use = async () => {
    const error = await failure(() => size(client.synthesize('Hello.')));
    assert.deepEqual([error.code, error.retryable, requests], ['supervisor_lost', true, 1]);
  };
  await played(use, (say, received, socket) => {
    requests++;
    chunk(say, received, 0, Buffer.alloc(4));
    socket.end(Buffer.of(0, 200, 1)); // and half a frame
  });
});

test('a grant that is none ends the request, and input is not sent without end', async () => {
  for (const chunks of [-3, 0, 'many', null]) {
    using client = new Client({ start: false });
    let sent = 0;
    const use = async () => {
      const error = await failure(() => client.transcribe(Buffer.alloc(1 << 20), { rate: 16000 }));
      assert.deepEqual([error.code, sent], ['protocol_error', 0]);
    };
    await played(use, (say, received) => {
      if (received['type'] === 'request') say({ type: 'credit', id: received['id']!, chunks });
      if (received['type'] === 'chunk') sent++;
    });
  }
});

test('a hundred requests at once on one connection each have their own answer, of 100 kB', async () => {
  using client = new Client({ start: false });
  const use = async () => {
    const texts = Array.from({ length: 100 }, (_, number) => `Number ${number}.`);
    const sizes = await Promise.all(texts.map((text) => size(client.synthesize(text))));
    assert.deepEqual(sizes, Array(100).fill(100_000));
  };
  const open: [Fields, number][] = [];
  await played(use, (say, received) => {
    if (received['type'] === 'request') open.push([received, 0]);
    if (open.length < 100) return;
    for (let seq = 0; seq < 2; seq++) for (const [fields] of open) chunk(say, fields, seq, Buffer.alloc(50_000));
    for (const [fields] of open.splice(0)) result(say, fields);
  });
});

test('two that save to one file at once both succeed, and the file is one of them whole', async () => {
  using client = new Client({ start: false });
  const path = join(FOLDER, 'both.wav');
  const use = async () => {
    await Promise.all([client.synthesize('One.').save(path), client.synthesize('Two.').save(path)]);
    const file = readFileSync(path);
    assert.equal(file.length, 20_000);
    assert.ok(file.every((byte) => byte === file[0]));
    assert.deepEqual(
      readdirSync(FOLDER).filter((name) => name.startsWith('both.wav')),
      ['both.wav'],
    );
  };
  const open: Fields[] = [];
  await played(use, (say, received) => {
    if (received['type'] === 'request') open.push(received);
    if (open.length < 2) return;
    for (let seq = 0; seq < 20; seq++)
      open.forEach((fields, mark) => chunk(say, fields, seq, Buffer.alloc(1000, mark + 1)));
    for (const fields of open.splice(0)) result(say, fields);
  });
});
