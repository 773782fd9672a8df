/**
 * The loudspeaker and the microphone are used by hushd's own programs, `hushd say` and `hushd listen`: they take turns
 * with other programs, fade, can be paused, and know the devices. Here they are run, and told what to do.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

import { HushdError, reason } from './errors.ts';
import { type Text, utf8 } from './input.ts';
import { findCommand } from './supervisor.ts';

/** The code for an exit status, which several may share: docs/PROTOCOL.md, section 9. */
const CODE_OF: Record<number, string> = {
  1: 'no_speech',
  2: 'bad_request',
  3: 'no_supervisor',
  4: 'input_unreadable',
  5: 'worker_failed',
  6: 'engine_missing',
  7: 'server_busy',
  8: 'no_device',
  9: 'output_failed',
  130: 'cancelled',
};
const AGAIN = ['no_supervisor', 'worker_failed', 'server_busy'];

/** Speaks a text while it is written; returns when the last word was heard. */
export async function runSay(text: Text, options: string[], command?: string, signal?: AbortSignal): Promise<void> {
  const program = start('say', options, command, signal);
  const write = async () => {
    for await (const piece of utf8(typeof text === 'string' ? [text] : text)) {
      if (!program.child.stdin!.write(piece)) await Promise.race([once(program.child.stdin!, 'drain'), program.ended]);
      if (program.child.exitCode !== null) return;
    }
    program.child.stdin!.end();
  };
  const written = write().catch((error: unknown) => {
    program.child.kill('SIGINT');
    throw error;
  });
  await Promise.all([written, program.ended]);
}

/** Yields what is said into the microphone, a line as soon as its utterance has ended. */
export async function* runListen(options: string[], command?: string, signal?: AbortSignal): AsyncGenerator<string> {
  const program = start('listen', options, command, signal);
  program.child.stdin!.end();
  program.ended.catch(() => {}); // told below, after the lines
  try {
    yield* createInterface({ input: program.child.stdout as Readable });
    await program.ended;
  } finally {
    if (program.child.exitCode === null) program.child.kill('SIGINT');
  }
}

/** The lines said into the microphone: `await` them for the text, or iterate over them as they come. */
export class Lines implements AsyncIterable<string>, PromiseLike<string> {
  readonly #lines: AsyncGenerator<string>;

  constructor(lines: AsyncGenerator<string>) {
    this.#lines = lines;
  }

  [Symbol.asyncIterator](): AsyncGenerator<string> {
    return this.#lines;
  }

  then<A = string, B = never>(
    done?: ((text: string) => A | PromiseLike<A>) | null,
    failed?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#text().then(done, failed);
  }

  async #text(): Promise<string> {
    const lines: string[] = [];
    for await (const line of this) lines.push(line);
    return lines.join('\n');
  }
}

/** Options of a command, as its flags: `false` and what is undefined are left out. */
export function flags(options: Record<string, string | number | boolean | undefined>): string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined || value === false) return [];
    return value === true ? [`--${name}`] : [`--${name}=${value}`];
  });
}

interface Program {
  child: ChildProcess;
  /** Resolves at its end; rejects with its sentence where it failed. */
  ended: Promise<void>;
}

function start(name: string, options: string[], command: string | undefined, signal: AbortSignal | undefined): Program {
  if (signal?.aborted) throw HushdError.aborted(signal);
  const child = spawn(findCommand(command), [name, ...options], { stdio: 'pipe' });
  const abort = () => child.kill('SIGINT'); // it fades out, and gives the device back
  signal?.addEventListener('abort', abort, { once: true });
  child.stdin.on('error', () => {}); // it ended before it had read all
  if (name === 'say') child.stdout.resume();
  let sentence = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (sentence += text));
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', (error) =>
      reject(new HushdError('no_supervisor', `\`hushd ${name}\` could not be run (${reason(error)}).`)),
    );
    child.once('close', (status) => {
      signal?.removeEventListener('abort', abort);
      if (signal?.aborted) reject(HushdError.aborted(signal));
      else if (status === 0) resolve();
      else reject(failure(name, status, sentence));
    });
  });
  return { child, ended };
}

function failure(name: string, status: number | null, errors: string): HushdError {
  const last =
    errors
      .trimEnd()
      .split('\n')
      .at(-1)
      ?.replace(/^(hushd )?(say|listen): /, '') ?? '';
  const code = status === null ? 'cancelled' : (CODE_OF[status] ?? 'worker_failed');
  return new HushdError(code, last || `\`hushd ${name}\` ended with status ${status}.`, {
    retryable: AGAIN.includes(code),
  });
}

function once(stream: NodeJS.EventEmitter, event: string): Promise<void> {
  return new Promise((resolve) => stream.once(event, () => resolve()));
}
