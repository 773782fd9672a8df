/** Speech to text and text to speech by hushd, on the user's own machine. See README.md. */

import { Client } from './client.ts';

export { Client } from './client.ts';
export type {
  ClientOptions,
  MicrophoneOptions,
  Model,
  Priority,
  RequestOptions,
  Samples,
  SayOptions,
  SpeechOptions,
  Status,
  Voice,
} from './client.ts';
export type { Lines } from './commands.ts';
export { type Code, HushdError } from './errors.ts';
export type { Audio, Text } from './input.ts';
export type { LiveOptions, SynthesizeOptions, TranscribeOptions } from './options.ts';
export type { Sentence, Speech } from './speech.ts';
export type { Segment, Transcript, TranscriptEvents, Transcription, Warning, Word } from './transcription.ts';

// The functions share a client, which connects with the first request.
const shared = new Client();

/** See `Client`: the same for programs that need one connection only. */
export const say = shared.say.bind(shared);
export const listen = shared.listen.bind(shared) as Client['listen'];
export const transcribe = shared.transcribe.bind(shared);
export const synthesize = shared.synthesize.bind(shared);
export const voices = shared.voices.bind(shared);
export const models = shared.models.bind(shared);
export const status = shared.status.bind(shared);
