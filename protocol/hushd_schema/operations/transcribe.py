"""`transcribe`: a recording, or live audio, becomes text."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

from hushd_protocol.errors import HushdError
from hushd_protocol.values import Finite
from msgspec import Meta

from hushd_schema import own_lists
from hushd_schema.kinds import NonNegativeFloat, PositiveFloat, Rule
from hushd_schema.operations import LIVE, RECORDED, Extra, Field, Name, Operation, Option, documented, fields, pair
from hushd_schema.own_lists import MAX_CARRIED
from hushd_schema.results import People

# The sections of a command's help.
TEXT, SEARCH, CUTTING, MICROPHONE = "text", "search", "cutting", "microphone"
SILENCE_S = 0.8
# An utterance ends by silence alone, or by silence and a finished sentence, as in all conversations.
BY_SILENCE, BY_MEANING = "silence", "meaning"

_MAX_PROMPT_CHARACTERS = 2_000  # characters, of which Whisper reads the last 224 tokens
_MAX_LIST_CHARACTERS = 20_000  # characters of own words


def _ascend(clips: tuple[float, ...]) -> bool:
    return all(before < after for before, after in pairwise((-1e-9, *clips)))


def _clips(text: str) -> list[float]:
    """Reads seconds as openai-whisper's command takes them; `0`, its default, is the whole recording."""
    clips = [float(part) for part in text.split(",") if part.strip()]
    return clips if clips != [0.0] else []


def _list(path: str) -> str:
    """Returns the text of a list of own words. Raises `input_unreadable`."""
    if (words := own_lists.text(Path(path))) is None:
        raise HushdError("input_unreadable", f"{path!r} cannot be read (No such file or directory).")
    return words


_MAX_SEGMENT = Rule("0, for the engine's own, or a number from 1 to 3600", lambda seconds: not 0 < seconds < 1)
_CLIPS = Rule("a list of ascending numbers of seconds: start, end, start, end, …", _ascend, given=tuple[Finite, ...])


class TranscribeOptions(TypedDict, total=False):
    """Options of a transcription. The engine and the recording decide those left out or None."""

    language: Annotated[
        str | None,
        Field(
            "such as `en` or `English`, for engines that know several; `auto` or nothing: detected",
            option=Option(help="the language, such as en or German; else detected", metavar="NAME", group=TEXT),
            http=Name("What is spoken, as a tag such as de."),
            wyoming=Name(""),
            mcp=Name("Language spoken, such as en or de (default: any)."),
        ),
    ]
    task: Annotated[
        Literal["transcribe", "translate"] | None,
        Field(
            "`transcribe`, or `translate` into English, with engines that can",
            "transcribe",
            option=Option(help="translate: into English, with engines that can", group=TEXT),
        ),
    ]
    prompt: Annotated[
        Annotated[str, Rule(make=lambda prompt: prompt[-_MAX_PROMPT_CHARACTERS:])] | None,
        Field(
            "text that came before, for names and style; the last 2000 characters are used",
            "",
            by_engine=True,
            option=Option(("--initial-prompt",), "earlier text, for names and style", "TEXT", group=TEXT),
            http=Name("Text that came before, for names and style."),
            mcp=Name("Names and rare words to expect, for their spelling."),
        ),
    ]
    hotwords: Annotated[
        Annotated[str | Iterable[str], Rule(given=Annotated[str, Meta(max_length=_MAX_PROMPT_CHARACTERS)])] | None,
        Field(
            "words to expect, separated by commas; from Python also a list",
            "",
            by_engine=True,
            option=Option(help="words to expect, separated by commas", metavar="WORDS", group=TEXT),
            http=Name("Words to expect, too."),
        ),
    ]
    own_words: Annotated[
        Annotated[str, Meta(max_length=_MAX_LIST_CHARACTERS)] | None,
        Field(
            "names and terms, a line each or between commas, which take the place of what sounds like them, with any "
            "engine; behind `=` how one is misheard. Left out: `usual_words`",
            option=Option(
                ("--words",),
                "a list of names and terms to write for what sounds like them; default: words.txt beside the "
                "configuration",
                "FILE",
                group=TEXT,
                parse=_list,
            ),
            http=Name("Names and terms, a line each, to write for what sounds like them."),
            mcp=Name("Names and rare words to write for what sounds like them, separated by commas."),
        ),
    ]
    beam_size: Annotated[
        Annotated[int, Meta(ge=1, le=100)] | None,
        Field(
            "texts followed at once, 1 to 100",
            by_engine=True,
            option=Option(help="the number of candidate texts; default: 5", metavar="N", group=SEARCH, none=1),
        ),
    ]
    temperature: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None,
        Field(
            "0, the likeliest text, to 1, the freest",
            by_engine=True,
            option=Option(help="from 0, the likeliest text (the default), to 1, the freest", metavar="T", group=SEARCH),
            http=Name("0 is the likeliest text."),
        ),
    ]
    word_times: Annotated[
        bool,
        Field(
            "true: with `words`; engines that know no word times leave them empty",
            False,
            option=Option(("--word-timestamps",), "time each word, for json and for exact subtitles", group=TEXT),
        ),
    ]
    probabilities: Annotated[bool, Field("true: with `words`, and the `probability` of each", False, by_engine=True)]
    clips: Annotated[
        Annotated[Iterable[float], _CLIPS] | None,
        Field(
            "parts of a recording: a list of ascending seconds, start, end, start, end, …; the last end may be left "
            "out. Not with `live` or `diarize`",
            (),
            sound=RECORDED,
            option=Option(
                ("--clip-timestamps",),
                "only these parts: from,to,from,to,… such as 0,30",
                "SECONDS",
                group=TEXT,
                parse=_clips,
                must_be="ascending seconds, as in 0,30 or 10,20,60",
            ),
        ),
    ]
    diarize: Annotated[
        bool,
        Field(
            "true: with `speaker`. Not with `live`",
            False,
            sound=RECORDED,
            option=Option(help="tell speakers apart: SPEAKER_00, SPEAKER_01, …", group=TEXT),
            http=Name("Tells speakers apart in every format."),
            mcp=Name("true: label who speaks (default false).", "speakers"),
        ),
    ]
    by_channel: Annotated[
        bool | None,
        Field(
            "true: each of two channels is heard by itself, with `speaker`; false: they are mixed. Left out: the first "
            "minute of a file tells whether each has a person of its own; `clips`, `speakers` and raw audio are mixed",
            option=Option(
                ("--channels",), "hear two channels apart: LEFT, RIGHT; default: where each is a person", group=TEXT
            ),
            http=Name("Hears two channels apart, or mixed; by default as the recording is made."),
        ),
    ]
    speakers: Annotated[
        Annotated[int, Meta(ge=0, le=100)] | None,
        Field(
            "their number; 0 (the default): found out",
            0,
            option=Option(
                help="the number of speakers, if known; implies --diarize",
                metavar="N",
                group=TEXT,
                kind=Annotated[int, Meta(ge=1, le=100)],
            ),
        ),
    ]
    people: Annotated[
        People | None,
        Field("with `diarize`: names, each with a voiceprint, by which people are called whose voices are theirs", {}),
    ]
    voiceprints: Annotated[
        bool, Field("true, with `diarize`: the result has the voiceprint of each speaker", False, sound=RECORDED)
    ]
    min_silence_s: Annotated[
        Annotated[float, Meta(ge=0.05, le=60)] | None,
        Field(
            "of a recording: seconds of quiet that end a segment",
            0.5,
            sound=RECORDED,
            option=Option(
                ("--min-silence",), "the silence that ends a segment; default: 0.5", "SECONDS", group=CUTTING
            ),
        ),
    ]
    speech_pad_s: Annotated[
        Annotated[float, Meta(ge=0, le=10)] | None,
        Field(
            "of a recording: seconds of quiet kept around speech",
            0.5,
            option=Option(("--speech-pad",), "the silence kept around speech; default: 0.5", "SECONDS", group=CUTTING),
        ),
    ]
    max_segment_s: Annotated[
        Annotated[float, Meta(ge=0, le=3_600), _MAX_SEGMENT] | None,
        Field(
            "seconds after which a segment is cut even where nobody pauses",
            0.0,
            option=Option(
                ("--max-segment",),
                "the longest segment, where nobody pauses",
                "SECONDS",
                group=CUTTING,
                kind=Annotated[float, Meta(ge=1, le=3600)],
            ),
        ),
    ]
    audio_track: Annotated[
        Annotated[int, Meta(ge=1, le=1_000)] | None,
        Field(
            "of a film: which track of sound, from 1; nothing: one with speech, in `language` or by default",
            sound=RECORDED,
            option=Option(
                help="the audio track of a film, from 1; default: one with speech, in --language if there is one",
                metavar="N",
                group=CUTTING,
            ),
        ),
    ]
    start_s: Annotated[
        NonNegativeFloat | None,
        Field("seconds into a recording at which to begin; times stay those of the whole", 0.0, sound=RECORDED),
    ]
    as_spoken: Annotated[
        bool | None,
        Field(
            "true, of `s16le` that comes as it is spoken: what was said before a pause is read during it",
            False,
            sound=RECORDED,
        ),
    ]
    extra: Annotated[
        Extra | None,
        Field(
            "further fields for a [speech server](SERVERS.md)",
            by_engine=True,
            option=Option(
                help="a further field for a speech server; @FILE is the path of a file; repeatable",
                metavar="KEY=VALUE",
                group=TEXT,
                parse=pair,
                must_be="KEY=VALUE",
                repeated=True,
            ),
        ),
    ]
    decoder: Annotated[
        Annotated[Mapping[str, Any], Rule("a table of options")] | None,
        Field("a table of options of Whisper's decoder, see below"),
    ]


OPTIONS = fields(TranscribeOptions)
TranscribeOptions.__doc__ = documented(TranscribeOptions.__doc__, OPTIONS)
SPEECH_S = 5.0  # `no_speech_s` after a wake word, when the person begins to speak at once


class _Input(TypedDict):
    """Parameters of the sound."""

    format: Annotated[
        Literal["file", "s16le"],
        Field(
            "`file` (the default; the container tells what it is), or `s16le` with `rate` in Hz and `channels`", "file"
        ),
    ]
    rate: Annotated[int, Meta(ge=1_000, le=768_000), Field("of `s16le`: Hz, 16000", 16_000)]
    channels: Annotated[int, Meta(ge=1, le=64), Field("of `s16le`: 1", 1)]


class _Request(_Input, TranscribeOptions):
    """Parameters of a request: the options, those for live audio, and those that hushd's clients send by themselves."""

    live: Annotated[
        bool,
        Field(
            "true: ends by itself after the first utterance; always `s16le`, and the request is a session",
            False,
            sound=LIVE,
        ),
    ]
    continuous: Annotated[
        bool, Field("with `live`: goes on, utterance after utterance, until the input ends", False, sound=LIVE)
    ]
    no_speech_s: Annotated[
        float,
        Meta(ge=0, le=86_400),
        Field(
            "with `live`: seconds within which speech must begin, 30; else the error is `no_speech`. With "
            "`continuous`: seconds of silence that end the session, 0 (the default): none",
            30.0,
            sound=LIVE,
            option=Option(
                ("--timeout",),
                "how long to wait for speech before it fails, by default 30; with --continuous before it ends, by "
                "default for ever",
                "SECONDS",
                group=MICROPHONE,
                kind=PositiveFloat,
            ),
            mcp=Name(
                "Seconds in which the person must begin to speak, 1 to 3600 (default 30).",
                "timeout",
                Annotated[float, Meta(ge=1, le=3600)],
                30.0,
            ),
        ),
    ]
    silence_s: Annotated[
        float,
        Meta(ge=0.1, le=60),
        Field(
            f"with `live`: seconds of silence that end an utterance, {SILENCE_S}",
            SILENCE_S,
            sound=LIVE,
            option=Option(
                ("--silence",), f"the silence that ends a line; default: {SILENCE_S}", "SECONDS", group=MICROPHONE
            ),
            mcp=Name(
                "Seconds of silence that end the utterance, 0.2 to 10 (default 0.8).",
                "silence",
                Annotated[float, Meta(ge=0.2, le=10)],
                SILENCE_S,
            ),
        ),
    ]
    turn_end: Annotated[
        Literal["silence", "meaning"],
        Field(
            "with `live`: what ends an utterance: `silence` alone, or with it the `meaning`: a sentence that is not "
            "finished is waited for, up to 2 s",
            BY_SILENCE,
            sound=LIVE,
            option=Option(
                help="silence, or meaning, which waits up to 2 s for an unfinished sentence", group=MICROPHONE
            ),
        ),
    ]
    end_word: Annotated[
        str,
        Meta(max_length=60),
        Field(
            "with `live`: a word or two, such as `over`, that end an utterance too, 0.8 s after the last one, and are "
            "cut: in noise, or with a long `silence_s`",
            "",
            sound=LIVE,
            option=Option(("--end-word",), "a word that ends a line too, such as over", "WORD", group=MICROPHONE),
            mcp=Name(
                "A word that ends the utterance too, such as 'over', and is left out.",
                "end_word",
                Annotated[str, Meta(max_length=60)],
                "",
            ),
        ),
    ]
    languages: Annotated[
        tuple[str, ...],
        Field(
            "the user's languages: without `language`, each but English is taken for likelier than the model finds it",
            (),
        ),
    ]
    usual_words: Annotated[
        str,
        Meta(max_length=MAX_CARRIED),
        Field(
            "what the user's `words.txt` says, without remarks, as hushd's clients send it: a mistake is a warning", ""
        ),
    ]
    list_fault: Annotated[str, Field("a sentence about that file, which becomes the warning `own_words`", "")]


TRANSCRIBE = Operation("transcribe", fields(_Request))
