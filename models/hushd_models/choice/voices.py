"""The choice of a voice by its name or language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from hushd_protocol.errors import HushdError, advised
from hushd_protocol.suggest import did_you_mean, listed

from hushd_models import catalogue, languages
from hushd_models.installation import document
from hushd_models.paces import is_slow

if TYPE_CHECKING:
    from hushd_schema.description import SpeakingDescription, Voice


class VoiceChoice(NamedTuple):
    """The engine, model and voice of a request; None leaves the choice to the supervisor or the worker."""

    engine: str | None
    model: str | None
    voice: str | None


# The names that programs made for OpenAI's API use, with the gender of each voice.
ALIASES = {
    "alloy": "female", "coral": "female", "marin": "female", "nova": "female", "sage": "female", "shimmer": "female",
    "ash": "male", "ballad": "male", "cedar": "male", "echo": "male", "fable": "male", "onyx": "male", "verse": "male",
}  # fmt: skip
_MAX_VOICES_NAMED = 5  # voices named in a sentence


def choose(
    catalogue: SpeakingDescription,
    voice: str | None,
    language: str | None,
    engine: str | None = None,
    model: str | None = None,
    paces: Mapping[str, float] = MappingProxyType({}),
) -> VoiceChoice:
    """Returns the voice for a name, a language or both, of the given engine and model, or of any.

    Args:
        catalogue: what `describe("tts")` says of the role.
        voice: a voice's name, ENGINE/NAME, or one of `ALIASES`.
        language: a tag such as fr or pt-BR, or an English name such as French.
        paces: of voices that were measured here, by ENGINE/MODEL. One that is slow by them (`hushd_models.paces`) is
            chosen only by name, by the configuration, or where no other speaks the language.

    Raises:
        HushdError: `bad_request` for an unknown name, or a voice that speaks another language;
            `engine_missing` when nothing on this machine speaks that language.
    """
    index = _VoiceIndex(catalogue, engine, model)
    if not index.engines or (engine is not None and not any(entry.installed for entry in index.engines)):
        return VoiceChoice(engine, model, voice)  # an engine in an environment of its own may know its voices better
    tag = None if language is None else languages.checked(language)
    if engine == "server" and model and voice and voice.casefold() not in ALIASES and not index.same(voice):
        return VoiceChoice(engine, model, voice)  # a server lists its voices once it runs
    if voice is None:
        chosen = index.for_language(language or "", tag or "", paces)
    else:
        chosen = index.named(voice, tag)
        if tag is not None and not _speaks(chosen, tag):
            raise HushdError(
                "bad_request",
                f"The voice {chosen.name} speaks {chosen.language}, not {language!r}: {index.instead(tag, True)}.",
            )
    return VoiceChoice(chosen.engine, model or index.model_for(chosen), chosen.name)


def speaking(voices: Iterable[Voice], language: str) -> list[Voice]:
    """Returns the voices of a language, of any country. Raises HushdError `bad_request` for any other text."""
    tag = languages.checked(language)
    return [voice for voice in voices if _speaks(voice, tag)]


class _VoiceIndex:
    """All engines and voices, or those of one engine, the preferred ones first."""

    def __init__(self, catalogue: SpeakingDescription, engine: str | None, model: str | None = None) -> None:
        described = catalogue.engines
        default_model = catalogue.default or next((entry.name for entry in described), "")
        self.default_engine, _, self.default_model = default_model.partition("/")
        self.by_language = catalogue.by_language
        # The configured engine comes first of those that can all do it, then the others as they are described, the best
        # first.
        self.every = sorted(described, key=lambda entry: entry.name != self.default_engine)
        self.robotic = {entry.name for entry in self.every if entry.robotic}
        self.engines = [entry for entry in self.every if engine in (None, entry.name)]
        self.voices = [voice for entry in self.engines for voice in entry.voices]
        self.here = [voice for voice in self.voices if voice.installed]
        self.defaults = {(entry.name, entry.default_voice) for entry in self.engines}
        self.model = model

    def named(self, name: str, tag: str | None) -> Voice:
        """The voice called `name`: one that is installed, else a stand-in, else one that could be pulled. Behind an
        engine, a language or a model stands for the best of its voices."""
        engine, _, bare = name.partition("/")
        voices = [voice for voice in self.voices if voice.engine == engine]
        if not bare or not voices:
            bare, voices = name, self.voices
        same = [voice for voice in self.same(bare) if voice in voices]
        if here := next((voice for voice in same if voice.installed), None):
            return here
        alike = [voice for voice in voices if bare is not name and (voice.model == bare or _speaks(voice, bare))]
        if not same and (able := [voice for voice in alike if voice.installed]):
            return self._best(able, languages.tag(bare))
        # An engine's voice comes before one that could be pulled: hibari has a `fable`, too, and many programs ask for
        # OpenAI's.
        if name.casefold() in ALIASES and (stand_in := self._stand_in(name.casefold(), tag)):
            return stand_in
        if same:
            return same[0]
        for entry in self.engines:
            if not entry.installed and bare.casefold() in (each.name for each in catalogue.voices(entry.name)):
                what = f"The voice {bare.casefold()} is one of {entry.name}, which is not installed: {entry.install}."
                raise HushdError("engine_missing", what)
        meant = did_you_mean(bare, [*(voice.name for voice in voices), *(ALIASES if bare is name else ())])
        quoted_name = repr(name) if len(name) <= 60 else repr(name[:57] + "...")
        raise advised("bad_request", f"There is no voice {quoted_name}{meant}", "list_voices")

    def same(self, name: str) -> list[Voice]:
        """Returns the voices of that name, a server's also without the server's name."""
        names = (f"{self.model}.{name}".casefold(), name.casefold())
        return [voice for each in names for voice in self.voices if voice.name.casefold() == each]

    def for_language(self, language: str, tag: str, paces: Mapping[str, float]) -> Voice:
        """Returns the default engine's voice if it speaks the language, else that of the first engine that does and is
        not slow by its pace, else of the first."""
        able = [voice for voice in self.here if _speaks(voice, tag)]
        if paces:
            fast = {self.default_engine, *self.robotic}
            models = {(voice.engine, voice.model) for voice in able if voice.engine not in fast}
            slow = {model for model in models if is_slow("/".join(model), paces)}
            able.sort(key=lambda voice: (voice.engine, voice.model) in slow)
        engine, _, own = (self.by_language.get(tag) or self.by_language.get(languages.code(tag)) or "").partition("/")
        configured = [voice for voice in able if voice.engine == engine]
        able = [voice for voice in configured if voice.model == own] or configured or able
        able = [voice for voice in able if voice.model == self.model] or able
        if not able:
            everywhere = self.engines == self.every
            who = "No voice on this machine" if everywhere else f"No voice of {self.engines[0].name}"
            code = "engine_missing" if everywhere else "bad_request"
            raise HushdError(code, f"{who} speaks {language!r}: {self.instead(tag, False)}.")
        return self._best([voice for voice in able if voice.engine == able[0].engine], tag)

    def model_for(self, voice: Voice) -> str | None:
        """Returns a voice's model; the configured one where an engine's voices go with any model, as kokoro's do."""
        tied = {other.model for other in self.voices if other.engine == voice.engine}
        if voice.engine == self.default_engine and self.default_model and self.default_model not in tied:
            return self.default_model
        return voice.model or None

    def instead(self, tag: str, leave_out: bool) -> str:
        """Names alternatives: installed voices, else the voices and engines to install."""
        voices = [voice for entry in self.every for voice in entry.voices]
        if here := [voice.name for voice in voices if voice.installed and _speaks(voice, tag)]:
            return ("leave the voice out, or " if leave_out else "") + f"use {listed(here[:_MAX_VOICES_NAMED])}"
        models = [each for entry in self.every for model in entry.models for each in model.languages]
        known = {languages.code(each) for each in [*models, *(voice.language for voice in voices)]}
        if languages.code(tag) in known:
            return f"`hushd get {languages.code(tag)}` brings one that does"
        return f"no engine that is known here does, and {document('MODELS.md')} says how to add one"

    def _stand_in(self, alias: str, tag: str | None) -> Voice | None:
        """Returns a voice named after the alias (as some of kokoro's are), else one of its gender, else any."""
        here = [voice for voice in self.here if voice.model == self.model] or self.here
        default = self.usual()
        if tag is None and default is not None:
            tag = languages.tag(default.language)
        speaking = [voice for voice in here if tag is None or _speaks(voice, tag)] or here
        for voice in speaking:
            if voice.name.casefold().endswith(f"_{alias}"):
                return voice
        natural = [voice for voice in speaking if voice.engine not in self.robotic]
        able = [voice for voice in natural if voice.gender == ALIASES[alias]]
        if not able:
            return default if default in speaking else next(iter(natural or speaking), None)
        able = [voice for voice in able if voice.engine == able[0].engine]
        index = [other for other in ALIASES if ALIASES[other] == ALIASES[alias]].index(alias)
        return able[index % len(able)]

    def usual(self) -> Voice | None:
        """Returns the voice for requests that name none."""
        own = [voice for voice in self.voices if voice.engine == self.default_engine]
        of_model = [voice for voice in own if voice.model == self.default_model] or own
        named = [voice for voice in of_model if (voice.engine, voice.name) in self.defaults]
        return next(iter(named or of_model), None)

    def _best(self, voices: Sequence[Voice], tag: str) -> Voice:
        """Chooses among one engine's voices: of the very tag, the configured one, the engine's default, the first."""
        usual = self.usual()

        def place(voice: Voice) -> tuple[bool, bool, bool]:
            is_default = (voice.engine, voice.name) in self.defaults
            return languages.tag(voice.language) != tag, voice != usual, not is_default

        return min(voices, key=place)


def _speaks(voice: Voice, tag: str) -> bool:
    return languages.code(voice.language) == languages.code(tag)
