// Made by scripts/packages from hushd's own sources.

/** The version of this package, which is hushd's. */
export const VERSION = '0.1.0';

/** The codes of docs/PROTOCOL.md, section 9. */
export const CODES = [
  'bad_request',
  'unsupported',
  'protocol_error',
  'version_mismatch',
  'unauthorised',
  'too_large',
  'no_speech',
  'input_unreadable',
  'path_unreachable',
  'deadline_exceeded',
  'model_missing',
  'engine_missing',
  'model_too_large',
  'overloaded',
  'server_busy',
  'shutting_down',
  'supervisor_lost',
  'no_supervisor',
  'worker_failed',
  'start_timeout',
  'worker_crashed',
  'worker_stopped',
  'poison_request',
  'no_device',
  'output_failed',
  'slow_consumer',
  'cancelled',
] as const;
