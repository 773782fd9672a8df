"""Samples of OpenAI's: where each one stands, and what its reader has to provide.

They are other people's texts, so none is kept here. Those that come with OpenAI's packages are read from there: the
README in the wheel's metadata, and npm's README and comments (`@example`). The others are read from the folder that
`HUSHD_OPENAI_SAMPLES` names: `openai-python` (which `pip download --no-deps --no-binary openai openai` brings) and
`openai-node` as in the repositories, `openapi.yaml`, whose `x-oaiMeta` has the samples of the API reference, and
`reference`, with files of earlier versions of it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

NODE_MODULES = Path(__file__).parents[2] / "build/node_modules"
FOLDER = "HUSHD_OPENAI_SAMPLES"
_PATHS = ("/audio/speech", "/audio/transcriptions", "/audio/translations", "/realtime/client_secrets")
_LANGUAGES = {"curl": "sh", "python": "py", "javascript": "mjs", "node.js": "mjs"}
_SOUND = re.compile(r"audio\.(speech|trans)|client\.realtime|OpenAIRealtime|/audio/|client\.live|/realtime")
_EXAMPLE = re.compile(r"@example\s*\* ```ts\n(.*?)\* ```", re.DOTALL)
_FENCE = re.compile(r"^```(?:py|python|ts)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# What fragments leave out: their readers have a client already.
_PYTHON_CLIENT = "from openai import OpenAI\nclient = OpenAI()\naudio_bytes = open('speech.mp3', 'rb').read()\n"
_NODE_CLIENT = "import fs from 'node:fs';\nimport OpenAI from 'openai';\nconst client = new OpenAI();\n"


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample.

    Attributes:
        name: its source and its place there.
        kind: `py`, `ts`, `mjs` or `sh`.
        text: the program; before a fragment the client that it leaves out.
    """

    name: str
    kind: str
    text: str


def has_node() -> bool:
    """Returns whether Node.js and OpenAI's package for it are here."""
    return bool(shutil.which("node")) and all((NODE_MODULES / name).exists() for name in ("openai", "ws"))


def of_python_package() -> Iterator[Sample]:
    """Yields the samples of sound in the README of the wheel."""
    for number, text in enumerate(_FENCE.findall(str(metadata("openai").get_payload())), 1):
        if _SOUND.search(text):
            before = "" if "from openai import" in text else _PYTHON_CLIENT
            yield Sample(f"openai-python README {number}", "py", before + text)


def of_npm_package() -> Iterator[Sample]:
    """Yields those in the comments of the resources for sound, and in the README, of npm's package."""
    package = NODE_MODULES / "openai"
    for path in sorted([*package.glob("resources/audio/*.d.ts"), package / "resources/realtime/client-secrets.d.ts"]):
        for number, text in enumerate(_EXAMPLE.findall(path.read_text()), 1):
            body = re.sub(r"^ *\* ?", "", text, flags=re.MULTILINE)
            yield Sample(f"openai-node {path.name.partition('.')[0]} {number}", "mjs", _NODE_CLIENT + body)
    for number, text in enumerate(_FENCE.findall((package / "README.md").read_text()), 1):
        if _SOUND.search(text):
            yield Sample(f"openai-node README {number}", "mjs", text)


def of_folder(folder: Path) -> Iterator[Sample]:
    """Yields the examples of both repositories, and the requests of the API reference, each text once."""
    seen: set[str] = set()
    examples = [*folder.glob("openai-python/examples/**/*.py"), *folder.glob("openai-node/examples/**/*.ts")]
    for path in sorted([*examples, *folder.glob("reference/*")]):
        if _SOUND.search(text := path.read_text()) and text.strip() not in seen:
            seen.add(text.strip())
            yield Sample(str(path.relative_to(folder)), path.suffix[1:], text)
    for sample in _of_reference(folder / "openapi.yaml"):
        if sample.text.strip() not in seen:
            seen.add(sample.text.strip())
            yield sample


def _of_reference(path: Path) -> Iterator[Sample]:
    if not path.exists():
        return
    import yaml

    paths: Any = yaml.load(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))["paths"]
    for place in _PATHS:
        examples = paths[place]["post"]["x-oaiMeta"]["examples"]
        for example in examples if isinstance(examples, list) else [examples]:
            for language, kind in _LANGUAGES.items():
                if text := example["request"].get(language):
                    yield Sample(f"reference {place} {example.get('title', '')} ({language})", kind, text)


def filled(text: str, address: str, reference: str) -> str:
    """Returns a sample with what it leaves to its reader: files, contents, and in requests of curl the address.

    Args:
        address: of the server, as programs get it by OPENAI_BASE_URL.
        reference: a data URL of a known speaker.
    """
    text = text.replace("https://api.openai.com/v1", address).replace("/path/to/file/", "")
    text = text.replace('b"Example data"', 'open("speech.mp3", "rb").read()')
    return text.replace("data:audio/wav;base64,AAA...", reference)
