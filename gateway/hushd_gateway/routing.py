"""The engines of this machine, and what the names in requests mean: models and voices."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hushd_models import advice, installation, languages, listings, paces
from hushd_models import catalogue as known_models
from hushd_models.catalogue import Known
from hushd_models.choice import models as model_choice
from hushd_models.choice.voices import ALIASES, VoiceChoice
from hushd_models.choice.voices import choose as choose_voice
from hushd_protocol.errors import HushdError
from hushd_protocol.names import AUTO
from hushd_protocol.system import paths
from hushd_schema import engines as specs
from hushd_schema.description import Descriptions
from hushd_schema.settings import Settings
from msgspec.structs import replace

from .callers import CallerClient

if TYPE_CHECKING:
    from hushd import AsyncClient
    from hushd_protocol import JsonObject
    from hushd_schema.description import (
        HearingDescription,
        RoleDescription,
        SpeakingDescription,
        Voice,
    )
    from starlette.requests import HTTPConnection


class Model(NamedTuple):
    """`engine` and `model` as the client's methods take them; both None: the configured default."""

    engine: str | None = None
    model: str | None = None


def stt(
    catalogue: HearingDescription,
    settings: Settings,
    name: str,
    language: str = "",
    *,
    translate: bool = False,
    words: bool = False,
    logprobs: bool = False,
) -> Model:
    """Returns the model for a transcription; with `words`, one that times words, with `logprobs`, one that rates them.

    ENGINE/NAME means itself, and so does the bare name of an installed model. Every other name, such as OpenAI's, means
    the model that the settings have for the language, or the best one that knows it or can translate, if that does not.
    Raises `model_missing` when no model can do it, or the named one cannot.
    """
    tag = None if language in ("", AUTO) else languages.checked(language)
    usual = settings.model_for("stt", tag)
    name = settings.http.models.get(name, name)
    chosen = _named(catalogue, name)
    if chosen is None:
        deaf = tag is not None and known_models.hears(usual, tag, catalogue) is False
        chosen = Model(None, AUTO) if name == AUTO or translate or deaf else Model()
    if not (words or logprobs):
        return chosen
    able = model_choice.candidates(catalogue, translates=translate, words=True, rated=logprobs)
    able = [each for each in able if tag is None or languages.is_among(tag, each.languages)]
    engine, _, model = usual.partition("/") if chosen == Model() else (chosen.engine or "", "", chosen.model)
    here = engine in (entry.name for entry in catalogue.engines)
    own = model_choice.candidates(catalogue, engine, words=True, rated=logprobs) if here else []
    if own and model in (None, "", AUTO, "default", *(each.name for each in own)):
        return chosen
    if chosen.engine is None and (able or own):
        return Model(None if able else engine, AUTO)
    whose = f"{engine}{f'/{model}' if own else ''} does not know" if chosen.engine else "No installed model knows"
    what, option = ("how likely each word is", "include") if logprobs else ("when each word is said", "word")
    engines = dict.fromkeys(each.engine for each in (*able, *own))
    instead = f": choose a model of {' or '.join(engines)}" if engines else advice.for_translation()
    raise HushdError("model_missing", f"{whose} {what}{instead}, or leave {option} out.")


def tts(catalogue: SpeakingDescription, settings: Settings, name: str, voice: str) -> VoiceChoice:
    """Returns the engine, model and voice for a speech, as far as the request names them.

    An unknown model's name means the default. If a named model has a voice of its own, one of OpenAI's voices is
    ignored. Of a mix, `af_sky(2)+af_bella(1)`, as kokoro's programs write it, the first voice speaks.
    """
    name = settings.http.models.get(name, name)
    model = _named(catalogue, name)
    engine = (model and model.engine) or settings.default_model("tts").partition("/")[0]
    if "+" in voice and engine != "server":  # a speech server may know mixes
        voice = voice.partition("+")[0].partition("(")[0].strip()
    if model is None:
        return VoiceChoice(None, None, voice or None)
    if model.model is None:
        of_engine = (each.installed_models() for each in catalogue.engines if each.name == model.engine)
        return VoiceChoice(model.engine, next(iter(next(of_engine, [])), None), voice or None)
    own = [each for each in catalogue.voices() if (each.engine, each.model) == (model.engine, model.model)]
    if voice.casefold() in ALIASES and len(own) == 1:
        voice = own[0].name
    return VoiceChoice(model.engine, model.model, voice or None)


def fallback_voice(catalogue: SpeakingDescription, voice: str) -> tuple[str, str] | None:
    """Returns the name and language of the voice to use instead of a well-known one that is not installed; None for
    other names.

    Many programs have kokoro's names built in. The fallback is an installed voice of that name and language, such as
    hibari's `heart` for `af_heart`; else one of OpenAI's names of that gender.
    """
    installed = [voice for voice in catalogue.voices() if voice.installed]
    if voice in ALIASES or voice in (each.name for each in installed):
        return None
    named = (each for engine in known_models.engines() for each in known_models.voices(engine))
    if (well_known := next((each for each in named if each.name == voice), None)) is None:
        return None
    code, name = languages.code(well_known.language), voice.partition("_")[2]
    same = any(each.name == name and languages.code(each.language) == code for each in installed)
    return (name if same else next(alias for alias, gender in ALIASES.items() if gender == well_known.gender)), code


def is_openai(name: str) -> bool:
    """Returns whether a model's name is empty or one of OpenAI's, listed or not."""
    return not name or name.startswith("gpt-") or any(name in names for names in listings.OPENAI_NAMES.values())


def _named(catalogue: RoleDescription, name: str) -> Model | None:
    """Returns what a name means, if it names an engine or a model. Raises `engine_missing` for one whose engine is not
    here."""
    if name == AUTO or is_openai(name):
        return None
    if known := known_models.of_repository(name):  # the hub's names are built into clients of other servers
        return Model(known.engine, known.name) if _is_here(catalogue, known) else None
    engine, _, model = name.partition("/")
    for entry in catalogue.engines:
        if entry.name == engine and (model or entry.installed_models()):
            voices: Sequence[Voice] = getattr(entry, "voices", ())  # engines that speak have voices
            is_here = entry.installed or entry.installed_models() or any(voice.installed for voice in voices)
            if not is_here and (known := known_models.find(name)):
                raise advice.missing(known.model, "engine_missing")  # all that brings it, not the engine alone
            return Model(engine, model or None)
    if model and engine not in known_models.engines() and (needed := installation.engine_needed(engine)):
        raise HushdError("engine_missing", needed)
    with suppress(HushdError):  # no engine has it
        return Model(*model_choice.find(catalogue, name))
    return None


def _is_here(catalogue: RoleDescription, known: Known) -> bool:
    return any(known.engine == each.name and known.name in each.installed_models() for each in catalogue.engines)


def of(connection: HTTPConnection) -> Engines:
    """Returns the engines of the application that a request or a WebSocket came to."""
    engines: Engines = connection.app.state.engines
    return engines


def for_caller(connection: HTTPConnection) -> Engines:
    """Returns these engines for jobs of the program that sent the request or opened the WebSocket."""
    engines = copy(of(connection))
    engines.client = CallerClient.of(engines.client, connection.scope["client"], connection.scope["server"])
    return engines


LISTING_FRESH_S = 10.0  # seconds for which a list that cannot be kept in a file is not asked for again


class Engines:
    """The engines as a gateway offers them, found without listing them again, which takes 0.3 s and more.

    Args:
        listed: keeps the lists for the next gateway; the supervisor removes this file when they may have changed. None:
            they are asked for again after a while.
    """

    def __init__(self, client: AsyncClient, settings: Settings, listed: Path | None = None) -> None:
        self.client = client
        self.settings = settings
        self._listed = listed
        self._described: dict[str, tuple[float, Descriptions]] = {}  # descriptions by role

    def forget(self) -> None:
        """Has the engines listed anew, whose voices have changed."""
        self._described.clear()
        if self._listed:
            self._listed.unlink(missing_ok=True)

    async def stt(self) -> HearingDescription:
        return replace((await self._known("stt")).stt, default=self.settings.default_model("stt"))

    async def tts(self) -> SpeakingDescription:
        return replace((await self._known("tts")).tts, default=self.settings.default_model("tts"))

    async def every(self) -> Descriptions:
        """Returns the engines that hear and those that speak."""
        stt, tts = await asyncio.gather(self.stt(), self.tts())
        return replace(await self._known("stt"), stt=stt, tts=tts)

    async def model(
        self,
        name: str,
        language: str = "",
        *,
        translate: bool = False,
        words: bool = False,
        logprobs: bool = False,
        speed: str = "medium",
    ) -> Model:
        """Returns the model for a transcription; see `stt`. A request without a choice lists no engines, and neither
        does one that names an engine of this machine and its model. Raises HushdError if no installed model can do it.
        """
        if not (words or logprobs):
            tag = None if language in ("", AUTO) else languages.tag(language)
            usual = self.settings.model_for("stt", tag)
            if not translate and self._is_default(name) and (tag is None or known_models.hears(usual, tag)):
                return Model()
            engine, _, model_name = self.settings.http.models.get(name, name).partition("/")
            if model_name not in ("", AUTO) and specs.find(engine, "stt") and advice.engine_installed(engine):
                return Model(engine, model_name)
        described = await self.stt()
        model = stt(described, self.settings, name, language, translate=translate, words=words, logprobs=logprobs)
        if model.model != AUTO:
            return model
        needs = {"translates": translate, "words": words, "rated": logprobs}
        status = await self.client.status()
        return Model(*model_choice.best(described, status, language or None, speed, model.engine, **needs)[:2])

    async def voice(self, name: str, voice: str, language: str = "") -> VoiceChoice:
        """Returns the engine, model and voice for a speech by the name of a model, each None if nothing chooses it.
        Raises HushdError if the voice does not exist, or no voice knows the language."""
        voice = self.settings.http.voices.get(voice, voice)
        if not voice and not language and self._is_default(name):
            return VoiceChoice(None, None, None)
        catalogue = await self.tts()
        choice = tts(catalogue, self.settings, name, voice)
        if not choice.voice and not language:
            return choice
        if choice.engine is None and (instead := fallback_voice(catalogue, choice.voice or "")):
            return choose_voice(catalogue, *instead)
        measured = paces.measured(paths.find())
        return choose_voice(catalogue, choice.voice, language or None, choice.engine, choice.model, measured)

    async def speaker(self, name: str, voice: str, language: str = "") -> tuple[VoiceChoice, JsonObject]:
        """Returns the voice as `voice` does, and the options with which the client's `synthesize` has it speak. One of
        OpenAI's names, which their packages always send, fits any language: a text in another gets a voice of that."""
        choice = await self.voice(name, voice, language)
        alias = self.settings.http.voices.get(voice, voice).casefold() in ALIASES
        if alias and not language and self._is_default(name) and all(choice):
            return choice, {"default_voice": "/".join(map(str, choice))}
        return choice, choice._asdict()

    async def check(self, name: str) -> None:
        """Raises `model_missing` for ENGINE/NAME of a model that is not installed and does not come by itself."""
        known = known_models.find(self.settings.http.models.get(name, name))
        if known and not self.settings.auto_pull and not _is_here(await self.stt(), known):
            raise advice.missing(known.model)

    def knows_one_language(self, model: Model) -> bool:
        """Returns whether hushd's own catalogue says that a model, or the default one, hears one language alone."""
        known = known_models.find(f"{model.engine}/{model.model}" if model.engine else self.settings.model_for("stt"))
        return known is not None and len(known.languages) == 1 and "*" not in known.languages

    def is_server(self, role: str, engine: str | None) -> bool:
        """Returns whether a request goes to a speech server of the user's, which may know further fields."""
        return (engine or self.settings.default_model(role).partition("/")[0]) == "server"

    def _is_default(self, name: str) -> bool:
        return is_openai(name) and name not in self.settings.http.models

    async def _known(self, role: str) -> Descriptions:
        """Returns descriptions in which that of `role` is current."""
        listing = self._kept()
        if listing.of(role).role:
            return listing
        when, described = self._described.get(role, (-math.inf, listing))
        if time.monotonic() - when > LISTING_FRESH_S:
            described = await self.client.describe(role)
            self._described[role] = time.monotonic(), described
            if self._listed:
                listings.save_catalogues(self._listed, self._kept().having(role, described.of(role)))
        return described

    def _kept(self) -> Descriptions:
        return listings.load_catalogues(self._listed) if self._listed else Descriptions.from_data({})
