/** Where this user's supervisor listens, and how it is started: docs/PROTOCOL.md, section 1. */

import { spawn } from 'node:child_process';
import { accessSync, closeSync, constants, existsSync, lstatSync, mkdirSync } from 'node:fs';
import { openSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { HushdError, reason } from './errors.ts';

const READY_MS = 30_000; // from the start of a supervisor to its first connection, on a busy machine too
const LOOK_MS = 20;
const NOBODY = ['ENOENT', 'ECONNREFUSED'];

// What a service manager told this program is not meant for the supervisor.
const PRIVATE = /^(LISTEN_(FDS|FDNAMES|PID|PIDFDID)|NOTIFY_SOCKET|WATCHDOG_(PID|USEC)|XPC_SERVICE_NAME)$/;

/** A way to the supervisor. `borrowed`: it is another session's, and is neither changed nor ended from here. */
export interface Way {
  socket: Socket;
  borrowed: boolean;
}

/** Opens a stream to the supervisor; starts one where none listens, if `start` says so. Throws `no_supervisor`. */
export async function reach(start: boolean, command?: string): Promise<Way> {
  const folder = runtimeFolder();
  for (const place of [folder, folderAtPointer(folder)]) {
    const socket = await open(place);
    if (socket) return { socket, borrowed: place !== folder };
  }
  if (!start || process.env['HUSHD_AUTOSTART'] === '0') {
    throw new HushdError('no_supervisor', 'No supervisor is running: start one with `hushd serve`.', {
      retryable: true,
    });
  }
  return { socket: await started(folder, findCommand(command)), borrowed: false };
}

/** The program `hushd`: `command`, else the one in PATH, else where uv and pipx put it. Throws `no_supervisor`. */
export function findCommand(command?: string): string {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean), join(homedir(), '.local', 'bin')];
  const path = command ?? folders.map((folder) => join(folder, 'hushd')).find(isProgram);
  if (path) return path;
  throw new HushdError(
    'no_supervisor',
    "The program `hushd` is not installed: run `uv tool install 'hushd[default]'` or `pipx install 'hushd[default]'`, then try again.",
  );
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function runtimeFolder(): string {
  const environment = process.env;
  if (environment['HUSHD_ENDPOINT']) {
    throw new HushdError(
      'unsupported',
      'HUSHD_ENDPOINT names the hushd of another machine, which this package cannot ask: unset it, or ask that machine by HTTP.',
    );
  }
  if (!process.getuid) throw new HushdError('unsupported', 'hushd runs on Linux and macOS only.');
  if (environment['HUSHD_RUNTIME_DIR']) return resolve(environment['HUSHD_RUNTIME_DIR']);
  const named = environment['XDG_RUNTIME_DIR'] ?? '';
  const session = [named, `/run/user/${process.getuid()}`].find(
    (path) => isOurs(path) || (path === named && canBeMade(path)),
  );
  return session ? join(session, 'hushd') : join(tmpdir(), `hushd-${process.getuid()}`);
}

/** The folder of the supervisor at the end of the user's pointer, for a program without a folder of its session. */
function folderAtPointer(folder: string): string | null {
  if (process.env['HUSHD_RUNTIME_DIR'] || dirname(folder) !== tmpdir()) return null;
  const state = process.env['HUSHD_STATE_DIR'] ?? join(homedir(), '.local', 'state', 'hushd');
  const pointer = join(state, `runtime-${process.getuid!()}`);
  try {
    const target = readlinkSync(pointer);
    return lstatSync(pointer).uid === process.getuid!() && isPrivate(target) ? target : null;
  } catch {
    return null;
  }
}

function isOurs(folder: string): boolean {
  try {
    const info = statSync(folder);
    return isAbsolute(folder) && info.isDirectory() && info.uid === process.getuid!();
  } catch {
    return false;
  }
}

function canBeMade(folder: string): boolean {
  if (!isAbsolute(folder) || existsSync(folder)) return false;
  let above = dirname(folder);
  while (!existsSync(above)) above = dirname(above);
  try {
    accessSync(above, constants.W_OK | constants.X_OK);
    return statSync(above).isDirectory();
  } catch {
    return false;
  }
}

function isPrivate(folder: string): boolean {
  const info = lstatSync(folder);
  return isAbsolute(folder) && info.isDirectory() && info.uid === process.getuid!() && (info.mode & 0o077) === 0;
}

/** Connects to the supervisor of `folder`; null where none listens. */
async function open(folder: string | null): Promise<Socket | null> {
  if (folder === null) return null;
  try {
    if (!isPrivate(folder)) {
      const sentence = `The runtime folder ${folder} is not a folder that you alone can enter: remove it, or set HUSHD_RUNTIME_DIR.`;
      throw new HushdError('unauthorised', sentence);
    }
    const socket = connect(join(folder, 'client.sock'));
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return socket;
  } catch (error) {
    if (error instanceof HushdError) throw error;
    if (NOBODY.includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw new HushdError('no_supervisor', `The supervisor cannot be reached (${reason(error)}).`, { retryable: true });
  }
}

/** Starts a supervisor, which is nobody's child and stays behind; connects to it, or to one that was faster. */
async function started(folder: string, command: string): Promise<Socket> {
  const log = join(stateFolder(), 'logs', 'supervisor.log');
  let ended: string | null = null;
  try {
    mkdirSync(dirname(log), { recursive: true, mode: 0o700 });
    const errors = openSync(log, 'a', 0o600);
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !PRIVATE.test(name)));
    const options = { cwd: '/', detached: true, env };
    const child = spawn(command, ['serve', '--auto'], { ...options, stdio: ['ignore', 'ignore', errors] });
    closeSync(errors);
    child.once('error', (error) => (ended = reason(error)));
    child.once('exit', () => (ended ??= lastLine(log)));
    child.unref();
  } catch (error) {
    throw new HushdError('no_supervisor', `The supervisor could not be started (${reason(error)}).`);
  }
  for (let waited = 0; waited < READY_MS; waited += LOOK_MS) {
    const over = ended; // before the look: it may be another one that serves by then
    const socket = await open(folder);
    if (socket) return socket;
    if (over !== null) throw new HushdError('no_supervisor', `The supervisor did not start (${over}): see ${log}.`);
    await sleep(LOOK_MS);
  }
  throw new HushdError('no_supervisor', `The supervisor did not start in time: see ${log}.`, { retryable: true });
}

function stateFolder(): string {
  const { HUSHD_STATE_DIR: own, XDG_STATE_HOME: session } = process.env;
  return own
    ? resolve(own)
    : join(session && isAbsolute(session) ? session : join(homedir(), '.local', 'state'), 'hushd');
}

function lastLine(log: string): string {
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  return lines.at(-1)?.trim().replace(/\.$/, '') || 'it ended without a word';
}
