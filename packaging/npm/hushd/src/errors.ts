import { CODES } from './vocabulary.ts';

export type Code = (typeof CODES)[number];

export interface ErrorDetails {
  retryable?: boolean;
  retryAfterMs?: number | null;
  detail?: Record<string, unknown>;
  cause?: unknown;
}

/**
 * Every failure: `code` is a row of the table in docs/PROTOCOL.md, `message` one sentence that says what happened and
 * what to do. `retryable`: the same request may succeed later, unchanged; `retryAfterMs`: when, where that is known.
 */
export class HushdError extends Error {
  readonly code: Code;
  readonly retryable: boolean;
  readonly retryAfterMs: number | null;
  readonly detail: Record<string, unknown>;

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'HushdError';
    // A later version's code: its sentence is kept, and it counts as a failure of the worker.
    this.code = (CODES as readonly string[]).includes(code) ? (code as Code) : 'worker_failed';
    this.retryable = details.retryable ?? false;
    this.retryAfterMs = details.retryAfterMs ?? null;
    this.detail = details.detail ?? {};
  }

  /** The error of a call whose `signal` was aborted: its name is `AbortError` or `TimeoutError`, as programs expect. */
  static aborted(signal: AbortSignal): HushdError {
    const error = new HushdError('cancelled', 'The request was cancelled.', { cause: signal.reason });
    error.name = signal.reason instanceof Error ? signal.reason.name : 'AbortError';
    return error;
  }
}

/** The words of an error of the system or of a library, to be put into a sentence. */
export function reason(error: unknown): string {
  const words = error instanceof Error ? error.message : String(error);
  return words.replace(/^E[A-Z]+: ([^,]*),.*$/s, '$1').replace(/[.\s]+$/, ''); // of the system's: without its call
}
