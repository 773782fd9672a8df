"""The manifest of a model that hushd has installed: its source, its files, and their hashes. Pure.

It is `ENGINE/NAME.hushd.json` in the models folder, and is written last: a model that hushd pulls or imports is
installed once its manifest exists.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import dataclass, values
from hushd_protocol.names import is_name

SUFFIX = ".hushd.json"
KINDS = ("hub", "url", "file")
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
        place: the hub's repository, the URL, or the path of the imported file.
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
    """Returns engine and name of `ENGINE/NAME`, which are then safe in a path.

    Raises:
        HushdError: `bad_request`.
    """
    engine, _, name = model.partition("/")
    if not (is_name(engine) and is_name(name)) or name.endswith((SUFFIX, ".part", ".lock")):
        raise HushdError(
            "bad_request",
            f"{model!r:.200} is not a model's name: write ENGINE/NAME, such as whisper/base, each with at most 64 "
            "letters without accents, digits and . _ + -.",
        )
    return engine, name


def dumps(manifest: Manifest) -> str:
    return json.dumps(manifest, default=values, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def loads(text: str | bytes) -> Manifest:
    """Reads a manifest, whose paths then all stay inside `location`. Raises BadManifest."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadManifest("is not JSON") from error
    if not isinstance(content, dict):
        raise BadManifest("is no object")
    source = content.get("source")
    if not isinstance(source, dict):
        raise BadManifest("has no source")
    files = content.get("files")
    if not (isinstance(files, dict) and files):
        raise BadManifest("has no files")
    manifest = Manifest(
        **{key: _text(content, key) for key in ("engine", "name", "role", "location")},
        **{key: _text(content, key, "") for key in ("format", "licence")},
        source=Source(
            _text(source, "kind"),
            _text(source, "place"),
            _text(source, "revision", ""),
            _text(source, "sha256", ""),
        ),
        files={_relative(name): _file(name, file) for name, file in files.items()},
    )
    try:
        split(manifest.model)
    except HushdError as error:
        raise BadManifest(f"is of {manifest.model!r:.80}, which is not a model's name") from error
    if manifest.source.kind not in KINDS:
        raise BadManifest(f"has source.kind = {manifest.source.kind!r:.40} instead of one of {', '.join(KINDS)}")
    if ".." in PurePosixPath(manifest.location).parts or "\0" in manifest.location:
        raise BadManifest(f"has location = {manifest.location!r:.80}, which leads out of its folder")
    return manifest


def _text(content: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = content.get(key, default)
    if not isinstance(value, str) or (default is None and not value):
        raise BadManifest(f"has {key} = {value!r:.40} instead of a text")
    return value


def _relative(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name or str(path) != name or name == ".":
        raise BadManifest(f"names a file {name!r:.80}")
    return name


def _file(name: str, content: object) -> File:
    if not isinstance(content, dict):
        raise BadManifest(f"does not describe {name!r:.80}")
    size, sha256 = content.get("size"), content.get("sha256")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise BadManifest(f"says the size of {name!r:.80} is {size!r:.40}")
    if not isinstance(sha256, str) or not SHA256.fullmatch(sha256):
        raise BadManifest(f"has no SHA-256 of {name!r:.80}")
    return File(size, sha256)
