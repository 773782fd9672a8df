"""Dictations that a larger model reads once more: which text is written, and when."""

from __future__ import annotations

import threading
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hushd.transcripts import precedence
from hushd.transcripts.segment import Segment
from hushd.transcripts.transcript import Transcript
from hushd_desktop.dictation import dictation, waiting
from hushd_desktop.dictation.composition import Edit
from hushd_desktop.dictation.dictation import Dictation
from hushd_desktop.dictation.vocabulary import read
from hushd_protocol.errors import HushdError

VOCABULARY = read(["Kubernetes"], "names.txt", True)


class Microphone(Iterator[bytes]):
    """Records two seconds, and knows whether it is open."""

    rate = 16_000
    channels = 1
    open = False

    def __init__(self) -> None:
        self._chunks = iter([bytes(32_000)] * 2)

    def __next__(self) -> bytes:
        return next(self._chunks)

    def __enter__(self) -> Microphone:
        self.open = True
        return self

    def __exit__(self, *_: object) -> None:
        self.open = False

    def stop(self) -> None:
        pass


class Client:
    """Hears a draft; its larger model has a text, an error, or (None) nothing until it is closed."""

    def __init__(self, microphone: Microphone, second_pass: str | HushdError | None = "") -> None:
        self.microphone = microphone
        self.second_pass = second_pass
        self.models: list[str | None] = []

    @contextmanager
    def floor(self, *_: object, **__: object) -> Iterator[Any]:
        yield self

    def while_held(self, chunks: Any) -> Any:
        return chunks

    def listen(self, chunks: Any, *, second_pass: str | None, **options: Any) -> Session:
        self.models.append(second_pass)
        assert b"".join(chunks)
        options["on_partial"]("Draft", "")
        return Session(self)


class Session(Iterator[Segment]):
    duration = 2.0

    def __init__(self, client: Client) -> None:
        self.second_pass = self
        self._client = client
        self._drafts = iter([Segment(0, 0.0, 1.0, "Draft of kubernetes.")])
        self._closed = threading.Event()

    def __next__(self) -> Segment:
        return next(self._drafts)

    def close(self) -> None:
        self._closed.set()

    def after_second_pass(self) -> Transcript:
        assert not self._client.microphone.open
        if isinstance(self._client.second_pass, HushdError):
            raise self._client.second_pass
        if self._client.second_pass is None:
            assert self._closed.wait(60)
        text = self._client.second_pass or "Draft of kubernetes."
        return Transcript((Segment(0, 0.0, 1.0, text),))


class Field:
    """A text field, and what it was given."""

    def __init__(self, live: bool) -> None:
        self.live = live
        self.given: list[Edit | str] = []

    def edit(self, edit: Edit) -> None:
        self.given.append(edit)

    def finish(self, text: str) -> None:
        self.given.append(text)

    def close(self) -> None:
        pass


class Refusing(Client):
    """Has no memory for so many sessions, since a second pass is being read."""

    def __init__(self, microphone: Microphone, refusals: int) -> None:
        super().__init__(microphone, "Fair.")
        self.refusals = refusals
        self.heard: list[bytes] = []

    def listen(self, chunks: Any, *, second_pass: str | None, **options: Any) -> Session:
        if self.refusals:
            self.refusals -= 1
            next(iter(chunks))
            raise HushdError("server_busy", "There is no memory.", 60_000)
        self.heard = list(chunks)
        return super().listen(self.heard, second_pass=second_pass, **options)

    def give_way(self) -> bool:
        return True

    def go_on(self) -> None:
        assert not self.refusals


def test_the_copy_of_the_dictation_before_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dictation that begins while the one before is read, with memory for one model, is heard from its first sample
    on."""
    monkeypatch.setattr(precedence, "AGAIN_S", 0.0)
    microphone, field, ends = Microphone(), Field(live=False), list[HushdError | None]()
    monkeypatch.setattr(dictation, "_microphone", lambda _: microphone)
    precedence.register(client := Refusing(microphone, 3))
    Dictation(client, field, VOCABULARY, second_pass="big/one", on_end=ends.append).wait()  # type: ignore[arg-type]
    assert (field.given, ends) == (["Fair."], [None])
    lead = round(dictation.LEAD_S * Microphone.rate)
    assert len(b"".join(client.heard)) == 2 * (lead + 2 * Microphone.rate)


def dictated(
    monkeypatch: pytest.MonkeyPatch, text: str | HushdError | None, live: bool = True
) -> tuple[list[Edit | str], list[HushdError | None]]:
    microphone, field, ends = Microphone(), Field(live), list[HushdError | None]()
    monkeypatch.setattr(dictation, "_microphone", lambda _: microphone)
    made = Dictation(Client(microphone, text), field, VOCABULARY, second_pass="big/one", on_end=ends.append)  # type: ignore[arg-type]
    made.wait()
    return field.given, ends


@pytest.mark.parametrize("live", [True, False])
def test_the_second_pass_text_is_written_at_once_at_the_end(live: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the draft is typed before, names are written as wanted, and the microphone is closed by then."""
    assert dictated(monkeypatch, "Fair copy of kubernetes.", live) == (["Fair copy of Kubernetes."], [None])


def test_without_a_second_pass_text_the_draft_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A larger model that is missing, or that takes too long: no word is lost, and an error is said behind it."""
    missing = HushdError("model_missing", "It is not installed.")
    assert dictated(monkeypatch, missing) == (["Draft of Kubernetes."], [missing])
    monkeypatch.setattr(dictation, "PATIENCE_S", -2.0)
    assert dictated(monkeypatch, None) == (["Draft of Kubernetes."], [None])


@pytest.mark.parametrize(
    ("option", "live", "change", "model"),
    [
        (None, True, None, None),
        (None, True, str.upper, "own/one"),
        (None, False, None, "own/one"),
        ("", False, None, None),
        ("big/one", True, None, "big/one"),
    ],
)
def test_what_is_typed_as_it_is_heard_is_not_held_back_by_the_configuration(
    option: str | None, live: bool, change: Any, model: str | None, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The setting is for places that get the whole text anyway; an option counts everywhere."""
    (runtime / "config.toml").write_text('second_pass = "own/one"\n')
    monkeypatch.setenv("HUSHD_CONFIG", str(runtime / "config.toml"))
    microphone = Microphone()
    client = Client(microphone)
    monkeypatch.setattr(dictation, "_microphone", lambda _: microphone)
    monkeypatch.setattr(waiting, "vocabulary", lambda _: VOCABULARY)
    monkeypatch.setattr(waiting, "output", lambda _: Field(live))
    monkeypatch.setattr(waiting, "settings", lambda _: {"change": change})
    dictations = waiting.Dictations(client, Namespace(second_pass=option, duck=False), lambda _: None)  # type: ignore[arg-type]
    dictations.begin()
    dictations.close()
    assert client.models == [model]
