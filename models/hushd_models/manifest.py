"""The manifest of a model that hushd has installed: its source, its files, and their hashes. Pure.

It is `ENGINE/NAME.hushd.json` in the models folder, and is written last: a model that hushd pulls is
installed once its manifest exists.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import msgspec
from hushd_protocol.errors import HushdError
from hushd_protocol.names import is_name

SUFFIX = ".hushd.json"
KINDS = ("hub", "url")
SHA256 = re.compile("[0-9a-f]{64}")


class BadManifest(Exception):
    """A manifest is invalid; the message follows its path."""


@dataclass(frozen=True, slots=True)
class File:
    """A file as installed: its size in bytes, and its SHA-256 in hexadecimal."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Source:
    """The source of a model.

    Attributes:
        kind: one of `KINDS`.
        place: the hub's repository, or the URL.
        revision: the commit, as resolved by the pull.
        sha256: for a URL, the hash of the server's information on its files (ETag, date, length), to notice changes.
    """

    kind: str
    place: str
    revision: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One model.

    Attributes:
        engine, name: as in `ENGINE/NAME`.
        role: stt, tts, or another role of some of its engine's models.
        files: its files, by paths relative to `location`, with `/`.
        location: an absolute folder (a snapshot in Hugging Face's cache), or one relative to the engine's folder in
            the models folder: `.` if the files are in that folder itself, or `NAME`.
        format: its format, such as `ctranslate2`, `onnx`, `openai-whisper`.
        licence: an SPDX name, or a place to read it.
    """

    engine: str
    name: str
    role: str
    source: Source
    files: Mapping[str, File]
    location: str
    format: str = ""
    licence: str = ""

    @property
    def model(self) -> str:
        return f"{self.engine}/{self.name}"

    @property
    def size(self) -> int:
        """Its bytes on disk."""
        return sum(file.size for file in self.files.values())


def split(model: str) -> tuple[str, str]:
    """Returns engine and name of `ENGINE/NAME`, which are then safe in a path. Raises `bad_request`."""
    engine, _, name = model.partition("/")
    if not (is_name(engine) and is_name(name)) or name.endswith((SUFFIX, ".part", ".lock")):
        raise HushdError(
            "bad_request",
            f"{model!r:.200} is not a model's name: write ENGINE/NAME, such as whisper/base, each with at most 64 "
            "letters without accents, digits and . _ + -.",
        )
    return engine, name


def dumps(manifest: Manifest) -> str:
    return json.dumps(manifest, default=asdict, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def loads(text: str | bytes) -> Manifest:
    """Reads a manifest; keys of a later version are ignored. Raises BadManifest if it is none, or damaged."""
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
        split(manifest.model)
    except (msgspec.ValidationError, HushdError) as error:
        raise BadManifest("is not a manifest") from error
    except (ValueError, RecursionError) as error:
        raise BadManifest("is not JSON") from error
    sound = manifest.source.kind in KINDS and manifest.files and all(map(_is_sound, manifest.files.values()))
    if not sound:
        raise BadManifest("does not name files with their sizes and hashes")
    return manifest


def _is_sound(file: File) -> bool:
    return file.size >= 0 and SHA256.fullmatch(file.sha256) is not None
