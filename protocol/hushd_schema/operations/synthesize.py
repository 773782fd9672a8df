"""`synthesize`: text becomes speech."""

from collections.abc import Mapping
from typing import Annotated, Literal, TypedDict

from msgspec import Meta

from hushd_schema import sound_file
from hushd_schema.kinds import Rule, choice
from hushd_schema.operations import Extra, Field, Name, Operation, Option, documented, fields, pair
from hushd_schema.own_lists import MAX_CARRIED

VOICE, FILE = "voice", "file"  # the sections of a command's help
FORMATS = ("s16le", *sound_file.SOUND_FORMATS)
MARKUPS = ("text", "markdown")
_MAX_PRONUNCIATIONS = 1000
_MAX_PRONUNCIATION = 200


def _are_pronunciations(table: Mapping[str, str]) -> bool:
    return all(map(str.strip, table)) and all(
        len(text) <= _MAX_PRONUNCIATION for pair in table.items() for text in pair
    )


_PRONUNCIATIONS = Rule(
    f"a map of at most {_MAX_PRONUNCIATIONS} words to how each is pronounced, of at most {_MAX_PRONUNCIATION} "
    "characters",
    _are_pronunciations,
    lambda table: {word.strip(): spoken for word, spoken in table.items()},
)


class SynthesizeOptions(TypedDict, total=False):
    """Options of a speech. The engine decides those left out or None."""

    voice: Annotated[
        str | None,
        Field(
            "a name from the catalogue; else the engine's default. From Python also ENGINE/NAME, which chooses the "
            "engine too, or one of OpenAI's",
            option=Option(("-v", "--voice"), "the voice; '?' lists them", "NAME", group=VOICE),
            mcp=Name("A name from `hushd_voices` (default: the usual voice)."),
            wyoming=Name("", "voice.name"),
        ),
    ]
    language: Annotated[
        Annotated[str, Rule("a tag such as en or en-GB", str.strip, str.strip)] | None,
        Field(
            "a tag such as `en-GB`; without `voice` it chooses one that speaks it",
            option=Option(
                ("-l", "--language"),
                "the language, such as fr, pt-BR or French, which chooses the voice",
                "LANGUAGE",
                group=VOICE,
                kind=str,
            ),
            http=Name("A tag such as de: the voice is one that speaks it."),
            mcp=Name("Language spoken, such as en or de (default: any)."),
            wyoming=Name("", "voice.language"),
        ),
    ]
    default_voice: Annotated[
        str | None,
        Field("the voice where neither `voice` nor `language` is given, and the text's language chooses none"),
    ]
    wpm: Annotated[
        Annotated[float, Meta(ge=1, le=1000)] | None,
        Field(  # wider than any engine's range; an engine stops at its own limits
            "words a minute, or `speed`", option=Option(("-r", "--rate"), "words a minute", "WPM", group=VOICE)
        ),
    ]
    speed: Annotated[
        Annotated[float, Meta(ge=0.25, le=4)] | None,
        Field(
            "a factor of the voice's own pace, 1",
            http=Name("Pace."),
            mcp=Name("Pace, 0.25 to 4 (default 1).", default=1.0),
        ),
    ]
    markup: Annotated[
        Literal["text", "markdown"] | None,
        Field("`text` (the default) or `markdown`, see [SPEAKING.md](SPEAKING.md)", MARKUPS[0]),
    ]
    sample_rate: Annotated[
        Annotated[int, Meta(ge=8000, le=48000)] | None,
        Field(
            "Hz, 8000 to 48000; else the voice's own",
            option=Option(help="8000 to 48000; default: the voice's own", metavar="HZ", group=FILE),
            http=Name("Hz."),
        ),
    ]
    channels: Annotated[
        Annotated[int, Meta(ge=1, le=2)] | None,
        Field(
            "1 (the default), or 2, both with the same sound",
            1,
            option=Option(help="1 (the default), or 2, both with the same sound", group=FILE),
        ),
    ]
    volume: Annotated[
        Annotated[float, Meta(ge=0, le=2)] | None,
        Field(
            "0 to 2; 1 is -19 LUFS, the same for every voice",
            1.0,
            option=Option(help="0 to 2; default: 1", metavar="FACTOR", group=VOICE),
        ),
    ]
    pronounce: Annotated[
        Annotated[Mapping[str, str], Meta(max_length=_MAX_PRONUNCIATIONS), _PRONUNCIATIONS] | None,
        Field("a map of words to their pronunciations", {}),
    ]
    extra: Annotated[
        Extra | None,
        Field(
            'further fields for a [speech server](SERVERS.md), such as `{"exaggeration": 0.7}`',
            {},
            option=Option(
                help="a further field for a speech server; @FILE is the path of a file; repeatable",
                metavar="KEY=VALUE",
                group=VOICE,
                parse=pair,
                must_be="KEY=VALUE",
                repeated=True,
            ),
        ),
    ]
    timeline: Annotated[
        bool,
        Field("true: report when each word is spoken", False, http=Name("With sse: events with the times of words.")),
    ]


OPTIONS = fields(SynthesizeOptions)
SynthesizeOptions.__doc__ = documented(SynthesizeOptions.__doc__, OPTIONS)


class _Request(SynthesizeOptions):
    """Parameters of a request: the options, and those that hushd's clients send by themselves."""

    format: Annotated[
        str,
        Rule(given=choice(*FORMATS)),
        Field(
            "`s16le` (the default): raw audio; `wav`, `flac`, `ogg` (Vorbis), `opus` (Ogg Opus), `mp3`, `aiff`, "
            "`m4a` (AAC in MPEG-4), `aac` (ADTS), `pcm` (the samples alone): the bytes of such a file, with offsets",
            FORMATS[0],
        ),
    ]
    languages: Annotated[
        tuple[str, ...],
        Field(
            "the user's languages, the one most used first: without `voice` and `language`, the text's own language "
            "chooses the voice, and is refused with `other_language` where the engine has none for it",
            (),
        ),
    ]
    usual_pronunciations: Annotated[
        str,
        Meta(max_length=MAX_CARRIED),
        Field(
            "what the user's `pronunciations.txt` says, without remarks, as hushd's clients send it; `pronounce` goes "
            "before",
            "",
        ),
    ]
    list_fault: Annotated[str, Field("a sentence about that file, which becomes the warning `pronunciations`", "")]


SYNTHESIZE = Operation("synthesize", fields(_Request))
