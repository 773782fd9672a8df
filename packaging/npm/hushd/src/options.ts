// Made by scripts/packages from hushd's own sources.

/** Options of a transcription. Those left out are the engine's choice. */
export interface TranscribeOptions {
  /** Such as `en` or `English`, for engines that know several; `auto` or nothing: detected. */
  language?: string;
  /** `transcribe`, or `translate` into English, with engines that can. */
  task?: 'transcribe' | 'translate';
  /** Text that came before, for names and style. */
  prompt?: string;
  /** Words to expect, separated by commas; from here also a list. */
  hotwords?: string | string[];
  /** Texts followed at once, 1 to 100. */
  beamSize?: number;
  /** 0, the likeliest text, to 1, the freest. */
  temperature?: number;
  /** True: with `words`; engines that know no word times leave them empty. */
  wordTimes?: boolean;
  /** True: with `words`, and the `probability` of each. */
  probabilities?: boolean;
  /** Parts of a recording: a list of ascending seconds, start, end, start, end, …; the last end may be left out. Not with `live` or `diarize`. */
  clips?: number[];
  /** True: with `speaker`. */
  diarize?: boolean;
  /** Their number; 0 (the default): found out. */
  speakers?: number;
  /** With `diarize`: names, each with a voiceprint, by which people are called whose voices are theirs. */
  people?: Record<string, string>;
  /** One of `people`, who is looked for. A turn has that name where its own voice has a cosine of 0.40 with the voiceprint, and nobody else has a name. */
  owner?: string;
  /** True, with `diarize`: the result has the voiceprint of each speaker. */
  voiceprints?: boolean;
  /** Of a recording: seconds of quiet that end a segment. */
  minSilenceS?: number;
  /** Of a recording: seconds of quiet kept around speech. */
  speechPadS?: number;
  /** Seconds after which a segment is cut even where nobody pauses. */
  maxSegmentS?: number;
  /** Of a film: which track of sound, from 1; nothing: the first one with speech. */
  audioTrack?: number;
  /** Seconds into a recording at which to begin; times stay those of the whole. */
  startS?: number;
  /** A table of options of Whisper's decoder, by whisper's names. */
  decoder?: Record<string, unknown>;
}

/** Options of live audio. Those left out are the engine's choice. */
export interface LiveOptions {
  /** There are two channels, and the second is the loudspeaker's, which is not transcribed. */
  echo?: boolean;
  /** Goes on, utterance after utterance, until the input ends. */
  continuous?: boolean;
  /** Seconds within which speech must begin, 30; else the error is `no_speech`. With `continuous`: seconds of silence that end the session, 0 (the default): none. */
  noSpeechS?: number;
  /** Seconds of silence that end an utterance, 0.8. */
  silenceS?: number;
  /** What ends an utterance: `silence` alone, or with it the `meaning`: a sentence that is not finished is waited for, up to 2 s. */
  turnEnd?: 'silence' | 'meaning';
  /** The words that end the session, such as `over`, where an utterance ends with them; they are not in its text. It goes on through pauses, and `no_speech_s` is the silence that ends it without them. */
  until?: string;
}

/** Options of a speech. Those left out are the engine's choice. */
export interface SynthesizeOptions {
  /** A name from the catalogue; else the engine's default. From here also ENGINE/NAME, which chooses the engine too, or one of OpenAI's. */
  voice?: string;
  /** A tag such as `en-GB`; without `voice` it chooses one that speaks it. */
  language?: string;
  /** Words a minute, or `speed`. */
  wpm?: number;
  /** A factor of the voice's own pace, 1. */
  speed?: number;
  /** `text` (the default), `markdown` or `ssml`, see [SPEAKING.md](SPEAKING.md). */
  markup?: 'text' | 'markdown' | 'ssml';
  /** Hz, 8000 to 48000; else the voice's own. */
  sampleRate?: number;
  /** 1 (the default), or 2 of the same. */
  channels?: number;
  /** 0 to 2; 1 is -19 LUFS, the same for every voice. */
  volume?: number;
  /** A map of words to their pronunciations. */
  pronounce?: Record<string, string>;
}
