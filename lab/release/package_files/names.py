"""Versions and names, written into the files by which others offer hushd. All else in those is written by hand.

Debian's package is hushd's wheel and the lock, from which its installation makes an environment. Why then: the engines
are machine code for each architecture and each Python, 130 MB of wheels, and Debian's msgspec, psutil and pyzmq are
older than hushd needs. So one package of 2 MB serves them all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import reduce
from operator import getitem
from typing import Any

from hushd_cli.commands.agents.install import AGENTS

from .source import REQUIREMENT, ROOT, Source, as_json

_AGENTS, _CLAUDE = "packaging/agents", "packaging/agents/claude"
_DEBIAN = "packaging/debian"
_DAY = "Thu, 01 Jan 1970 00:00:00 +0000"  # no day: scripts/deb writes the last commit's


def files(source: Source) -> Iterator[tuple[str, str]]:
    """Yields the path in the repository and the text of each file; those of a guest that is not here are left out."""
    for guest, made in ((_AGENTS, _agents), (_DEBIAN, _debian)):
        if (ROOT / guest).exists():
            yield from made(source)


def _agents(source: Source) -> Iterator[tuple[str, str]]:
    """The entry in MCP's registry, and Claude Code's plugin, which is a marketplace too."""
    exact = f"{REQUIREMENT}=={source.version}"
    version, summary = {"version": source.version}, {"description": source.summary}
    # Hosts start `uvx` with the runtime's arguments, then hushd==VERSION or hushd@VERSION as the command, then the
    # package's: so what comes with it is wanted by `--with`, not by `--from`.
    yield _json(f"{_AGENTS}/server.json", {
        **version, "name": source.mcp, "description": source.description, "repository.url": source.home,
        "websiteUrl": source.home, "packages.0.version": source.version,
        "packages.0.runtimeArguments.0.value": exact,
    })  # fmt: skip
    yield _json(f"{_CLAUDE}/.claude-plugin/marketplace.json", {
        "owner.name": source.authors, "metadata.description": source.summary,
        "plugins.0.description": source.summary, "plugins.0.version": source.version,
    })  # fmt: skip
    yield _json(f"{_CLAUDE}/.claude-plugin/plugin.json", {
        **version, **summary, "author.name": source.authors, "homepage": source.home, "license": source.license,
        "keywords": source.keywords,
    })  # fmt: skip
    hooks = json.loads(AGENTS["claude"].edited("{}", '"${CLAUDE_PLUGIN_ROOT}/bin/hushd" agents hook'))
    yield f"{_CLAUDE}/hooks/hooks.json", as_json(hooks)


def _debian(source: Source) -> Iterator[tuple[str, str]]:
    yield _lines(f"{_DEBIAN}/control", {"Maintainer: ": source.maintainer, "Homepage: ": source.home})
    yield _lines(
        f"{_DEBIAN}/changelog",
        {"hushd ": f"({source.version}) unstable; urgency=medium", " -- ": f"{source.maintainer}  {_DAY}"},
    )
    yield _lines(f"{_DEBIAN}/copyright", {"Source: ": source.home, "Copyright: 2026 ": source.authors})


def _json(place: str, values: Mapping[str, Any]) -> tuple[str, str]:
    """A file of JSON with other values at paths such as `packages.0.version`."""
    whole = json.loads((ROOT / place).read_text())
    for path, value in values.items():
        *way, last = (int(word) if word.isdigit() else word for word in path.split("."))
        reduce(getitem, way, whole)[last] = value
    return place, as_json(whole)


def _lines(place: str, values: Mapping[str, str]) -> tuple[str, str]:
    """A file of text with another end of each line that begins so. Raises ValueError where there is not one."""
    text = (ROOT / place).read_text()
    for beginning, value in values.items():
        text, count = re.subn(rf"(?m)^({re.escape(beginning)}).*", lambda line, value=value: line[1] + value, text)
        if count != 1:
            raise ValueError(f"{place} has {count} lines that begin with {beginning!r}.")
    return place, text
