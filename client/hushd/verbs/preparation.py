"""Prepares a request: chooses an engine, a model and a voice where the caller leaves them open."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from hushd_models import languages, paces, preferences
from hushd_models.choice.voices import ALIASES, choose
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.names import AUTO, worker
from hushd_protocol.system import paths
from hushd_schema import own_lists
from hushd_schema.description import Descriptions
from hushd_schema.status import Status
from msgspec.structs import replace

from hushd.transport.call import new_id
from hushd.transport.steps import Brief, Steps

from . import requests

if TYPE_CHECKING:
    from hushd_models.choice.models import ModelChoice
    from hushd_models.choice.voices import VoiceChoice
    from hushd_protocol.messages import Request
    from hushd_schema.description import HearingDescription


T = TypeVar("T")


class Preparation:
    """Makes requests of one client. The supervisor describes its engines and voices once, which costs it a process, and
    again where what was described does not do: a model or a voice may have come or gone since.
    `control`: sends a control message with names, and returns the data of its result.

    Attributes:
        passed_over: the last voice that was not chosen since it is slower than real time here, and its pace, as
            `Client.passed_over` has them.
    """

    def __init__(self, control: Callable[..., Steps[JsonObject]]) -> None:
        self._control = control
        self._engines: HearingDescription | None = None  # engines for speech to text, once a request depends on them
        self._voices: dict[tuple[str | None, ...], VoiceChoice] = {}
        self.passed_over: tuple[VoiceChoice, float] | None = None

    def forget(self) -> None:
        """Has engines and voices described anew."""
        self._engines = None
        self._voices.clear()

    def speech(self, params: JsonObject, shared: JsonObject) -> Steps[Request]:
        """Returns the request for a speech with `params`, by the engine that has the voice.
        `shared`: see `requests.take_shared`."""
        voice, language = params.get("voice"), params.get("language")
        engine, model = shared.get("engine"), shared.get("model")
        if voice and not language and voice.casefold() in ALIASES:  # these fit any language
            params["default_voice"], voice = params.pop("voice"), None
        usual = params.get("default_voice")
        if not voice and not language:
            params["languages"] = languages.of_session()
            if usual and _is_own(usual):
                if engine or model:  # the caller's, which need not have it
                    del params["default_voice"]
                else:
                    engine, model, params["default_voice"] = usual.split("/")
                usual = None
            elif not (usual or engine or model) and (own := (yield from self._own_voice())):
                engine, model, params["default_voice"] = own
        if (voice or language or usual) and not (engine and model):
            engine, model, chosen = yield from self._voice(voice or usual, language, engine, model)
            if chosen:
                params["voice" if voice or language else "default_voice"] = chosen
                params.pop("language", None)  # the voice was chosen by it
        params |= yield from self._list("usual_pronunciations")
        return requests.request("tts", "synthesize", params, **{**shared, "engine": engine, "model": model})

    def in_language(self, language: str, request: Request, *, usual: str | None, shared: JsonObject) -> Steps[Request]:
        """Returns `request`, whose worker has no voice for its text, as one for a voice of that `language`.

        Where no voice speaks it, the usual one does, and its result has a warning.

        Args:
            usual: the caller's voice where that fits any language.
            shared: as for `speech`: an engine or a model that was named stays.
        """
        params = {name: value for name, value in request.params.items() if name not in ("languages", "default_voice")}
        # One of OpenAI's names has a stand-in in each language; a program's own voice has none.
        for wish in dict.fromkeys((None if usual and _is_own(usual) else usual, None)):
            try:
                engine, model, voice = yield from self._voice(wish, language, shared.get("engine"), shared.get("model"))
            except HushdError:
                continue
            name = worker("tts", engine, model)
            return replace(request, id=new_id(), worker=name, params={**params, "voice": voice})
        own = request.params.get("default_voice")
        return replace(request, id=new_id(), params={**params, **({"voice": own} if own else {})})

    def transcription(
        self, params: JsonObject, speed: str | None, shared: JsonObject, *, session: bool = False
    ) -> Steps[Request]:
        """Returns the request for a transcript with `params`, or for a `session` of live audio."""
        engine, model = shared.get("engine"), shared.get("model")
        if (asked := params.get("language")) not in (None, AUTO):  # the settings have models by tags
            spelt = languages.checked(asked)
            params = params | {"language": asked if asked.casefold() == spelt else spelt}
        elif spoken := languages.of_session():
            params = params | {"languages": spoken}
        translate = params.get("task") == "translate"
        if model == AUTO:
            choice = yield from self.choose_model(params.get("language"), speed, engine, translates=translate)
            engine, model = choice.engine, choice.model
        elif model and not engine:
            engine, model = yield from self.find_model(model)
        elif not engine and (unserved := (yield from self._unserved(params.get("language")))):
            with suppress(HushdError):  # none, as it turns out
                choice = yield from self.choose_model(unserved, speed, translates=translate)
                engine, model = choice.engine, choice.model
        if params.get("own_words") is None:
            params = params | (yield from self._list("usual_words"))
        request = requests.request("stt", "transcribe", params, **{**shared, "engine": engine, "model": model})
        return replace(request, session=True) if session else request

    def _list(self, name: str) -> Steps[JsonObject]:
        """Returns the parameters by which a request carries the user's list `name`, as its file is now."""
        here = paths.find()
        path = here.own_words if name == "usual_words" else here.pronunciations
        params: JsonObject = yield Brief(partial(own_lists.carried, path, name))
        return params

    def _unserved(self, requested: str | None) -> Steps[str]:
        """Returns the requested language, if the usual model for it is known not to hear it; without one the user's
        first, where that is not English and the configuration says nothing of models. Empty if no installed model may
        hear that."""
        config = paths.find().config
        if requested in (None, AUTO):
            language = preferences.unserved_language(config)
        else:
            language = "" if preferences.hears(config, requested) else requested
        return language if language and (yield Brief(partial(_may_serve, "stt", language))) else ""

    def may_hear_again(self, request: Request, *, here: bool) -> bool:
        """Returns whether an installed model of several languages may hear `request` again, which names no model and no
        language: not with the setting `hear_again` off.
        `here`: whether the supervisor is this machine's, whose files tell it."""
        is_open = request.worker == "stt" and not request.params.get("language")
        return is_open and preferences.hears_again(paths.find().config) and (not here or _may_serve("stt", None))

    def second_hearing(self, request: Request, speed: str | None) -> Steps[Request | None]:
        """Returns `request` as one to an installed model of several languages, the best for the user's own; None with
        the setting `hear_again` off. Raises `model_missing` where there is none."""
        if not (yield Brief(partial(self.may_hear_again, request, here=False))):
            return None
        own = next((each for each in preferences.own_languages(paths.find().config) if each != "en"), None)
        choice = yield from self.choose_model(own, speed, several=True)
        return replace(request, worker=worker("stt", choice.engine, choice.model))

    def choose_model(
        self, language: str | None, speed: str | None, engine: str | None = None, **needs: bool
    ) -> Steps[ModelChoice]:
        """See `Client.choose_model`. `needs`: see `hushd_models.choice.models.candidates`."""
        from hushd_models.choice.models import best  # noqa: PLC0415 - 30 ms, where hushd chooses a model

        status = Status.from_data((yield from self._control("status")))
        return (yield from self._chosen(lambda stt: best(stt, status, language, speed, engine, **needs)))

    def find_model(self, name: str) -> Steps[tuple[str, str]]:
        """See `Client.find_model`."""
        engine, _, model = name.partition("/")
        if engine and model and "/" not in model and not model.endswith(".pt"):
            return engine, model
        from hushd_models.choice.models import find  # noqa: PLC0415 - 30 ms, where hushd chooses a model

        return (yield from self._chosen(partial(find, name=name)))

    def _voice(
        self, voice: str | None, language: str | None, engine: str | None, model: str | None
    ) -> Steps[VoiceChoice]:
        """Finds engine, model and voice for a voice or a language; asks once for each."""
        if model and not engine and "/" in model:
            engine, _, model = model.partition("/")
        wish = (voice, language, engine, model)
        if wish not in self._voices:
            described = yield from self._described("tts")
            slow = yield Brief(partial(paces.measured, paths.find()))
            self._voices[wish] = choose(described.tts, *wish, slow)
            if slow and (usual := choose(described.tts, *wish)) != self._voices[wish]:
                self.passed_over = usual, slow.get(f"{usual.engine}/{usual.model}", 0.0)
        return self._voices[wish]

    def _own_voice(self) -> Steps[VoiceChoice | None]:
        """Returns a voice of the language that the user speaks most, where that is not English, and the configuration
        says nothing of voices; None where no voice of this machine speaks it. A text in another language goes on to a
        voice of that, as from any other voice."""
        language = preferences.unserved_language(paths.find().config, "tts")
        known = (None, language, None, None) in self._voices
        if language and (known or (yield Brief(partial(_may_serve, "tts", language)))):
            with suppress(HushdError):  # none, as it turns out
                return (yield from self._voice(None, language, None, None))
        return None

    def _chosen(self, choose: Callable[[HearingDescription], T]) -> Steps[T]:
        """Returns what `choose` finds among the engines and models of speech to text. Where it raises an error about
        those that were described for an earlier request, they are described anew."""
        choice: T
        if self._engines:
            with suppress(HushdError):
                choice = yield partial(choose, self._engines)
                return choice
        self._engines = (yield from self._described("stt")).stt
        choice = yield partial(choose, self._engines)
        return choice

    def _described(self, role: str) -> Steps[Descriptions]:
        return Descriptions.from_data((yield from self._control("describe", role)))


def _is_own(voice: str) -> bool:
    """Returns whether it is a program's own voice, ENGINE/MODEL/VOICE, which was chosen before."""
    return voice.count("/") == 2


def _may_serve(role: str, language: str | None) -> bool:
    """Returns whether a model of this machine may hear or speak `language`, or None: hear several, by its files alone.
    Programs and servers of the user's own may."""
    from hushd_models import inventory, store  # noqa: PLC0415 - looks at files, 15 ms

    here = paths.find()
    own = (here.config.parent.glob(f"{folder}/*.toml") for folder in ("commands", "servers"))
    return any(map(any, own)) or inventory.serves(store.Store(here), role, language)
