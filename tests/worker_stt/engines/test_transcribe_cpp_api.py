"""The API of the package `transcribe-cpp`: what hushd uses of it is there, or is named, a sentence for each."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any, get_args

import pytest
from hushd_worker_stt.engines import ecapa, ggml, transcribe_cpp

# Names, and of callables the parameters that hushd gives them.
CALLS = {
    "set_log_callback": ("handler",),
    "backends": (),
    "Model": ("path", "backend", "device"),
    "Model.session": ("n_threads",),
    "Model.langid_session": ("n_threads",),
    "LangIdSession.run": ("pcm", "allowed"),
    "Session.run": (
        "pcm", "task", "target_language", "language", "timestamps", "prompt", "vocabulary", "family",
    ),
    "Session.stream": ("task", "target_language", "language", "timestamps"),
    "Session.cancel": (),
    "Stream.feed": ("pcm",),
    "Stream.finalize": (),
    "Stream.text": (),
    "Stream.snapshot": (),
    "Stream.reset": (),
    "WhisperRunOptions": (
        "temperature", "condition_on_prev_tokens", "temperature_inc", "compression_ratio_thold", "logprob_thold",
        "no_speech_thold",
    ),
}  # fmt: skip
FIELDS = {
    "BackendDevice": ("kind", "device_id"),
    "Capabilities": ("languages", "max_timestamp_kind", "supports_streaming"),
    "Result": ("text", "language", "timestamp_kind", "segments", "words", "tokens"),
    "Segment": ("text", "t0_ms", "t1_ms"),
    "Word": ("text", "t0_ms", "t1_ms", "seg_index", "first_token", "n_tokens"),
    "Token": ("text", "p", "t0_ms", "t1_ms", "seg_index"),
    "StreamText": ("committed", "tentative"),
    "LangIdResult": ("candidates", "allowed_mass"),
    "LangIdCandidate": ("code", "p"),
}
CHOICES = {
    "Task": ("transcribe", "translate"),
    "Timestamps": ("none", "segment", "word", "token"),
    "Backend": ("auto", "cpu", "cuda", "rocm"),
}
OTHERS = ("OutputTruncated", "Model.capabilities", "TranscribeError")
_OWN = {"partial_result", "strip"}  # of an exception, and of texts


def changes(package: Any) -> Iterator[str]:
    """Yields a sentence for each thing that hushd uses and that the package no longer has."""
    for name, parameters in CALLS.items():
        if (found := _attribute(package, name)) is None:
            yield f"transcribe_cpp.{name} is gone."
            continue
        known = inspect.signature(found).parameters
        yield from (
            f"transcribe_cpp.{name} no longer takes {parameter}." for parameter in parameters if parameter not in known
        )
    for name, fields in FIELDS.items():
        if (found := _attribute(package, name)) is None:
            yield f"transcribe_cpp.{name} is gone."
            continue
        here = {field.name for field in dataclasses.fields(found)}
        yield from (f"transcribe_cpp.{name} no longer has the field {field}." for field in fields if field not in here)
    for name, values in CHOICES.items():
        known_values = get_args(_attribute(package, name))
        yield from (f"transcribe_cpp.{name} no longer has {value!r}." for value in values if value not in known_values)
    yield from (f"transcribe_cpp.{name} is gone." for name in OTHERS if _attribute(package, name) is None)


def _attribute(package: Any, path: str) -> Any:
    for part in path.split("."):
        package = getattr(package, part, None)
    return package


@pytest.mark.skipif(find_spec("transcribe_cpp") is None, reason="transcribe-cpp is not installed")
def test_the_installed_package_has_what_hushd_uses() -> None:
    """A release that changes it is named in a sentence for each change, before a user meets it."""
    found = list(changes(ggml.package()))
    assert not found, f"transcribe-cpp {version('transcribe-cpp')}: " + " ".join(found)


def test_each_change_is_named() -> None:
    """A name, a parameter, a field and a value that are gone, each in a sentence of its own."""

    @dataclasses.dataclass
    class Token:
        text: str

    def changed(path: str) -> None: ...

    package = SimpleNamespace(Model=changed, Token=Token, Task=None)
    found = list(changes(package))
    assert "transcribe_cpp.backends is gone." in found
    assert "transcribe_cpp.Model no longer takes backend." in found
    assert "transcribe_cpp.Model no longer takes path." not in found
    assert "transcribe_cpp.Token no longer has the field p." in found
    assert "transcribe_cpp.Token no longer has the field text." not in found
    assert "transcribe_cpp.Task no longer has 'translate'." in found
    assert "transcribe_cpp.OutputTruncated is gone." in found


def test_nothing_else_of_the_package_is_used() -> None:
    """Each attribute that the engine's module reads of the package's objects stands in the tables."""
    listed = {path.rpartition(".")[2] for path in (*CALLS, *FIELDS, *OTHERS)} | {
        field for fields in FIELDS.values() for field in fields
    }
    sources = (inspect.getsource(module) for module in (transcribe_cpp, ggml, ecapa))
    tree = ast.parse("".join(source.replace("from __future__ import annotations", "") for source in sources))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _of_the_package(node.value)}
    assert used - listed - _OWN == set()
    assert {"run", "feed", "first_token", "committed", "p", "langid_session", "allowed_mass"} <= used


def _of_the_package(node: ast.expr) -> bool:
    """Returns whether an expression is an object of the package's, by the names that the module has for them."""
    names = {
        "_package", "_model", "_session", "_stream", "package", "transcribe_cpp", "result", "segment", "word", "token",
        "capabilities", "text", "listed", "first",
    }  # fmt: skip
    return (isinstance(node, ast.Attribute) and node.attr in names) or (isinstance(node, ast.Name) and node.id in names)
