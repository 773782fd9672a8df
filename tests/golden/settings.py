"""The words of a supervisor about configurations, and `hushd config` of settings, as a file beside this one.

`python tests/golden/golden.py` writes them, `settings.json` and the block in docs/CONFIGURATION.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from hushd_cli.commands import config as config_file
from hushd_protocol import duration
from hushd_protocol.errors import HushdError
from hushd_schema import kinds, toml
from hushd_schema import settings as schema
from hushd_schema.settings import DEFAULTS, Settings, WorkerSettings
from hushd_schema.settings.declaration import Setting, settings_of, tables_of
from hushd_schema.settings.reference import rows

DOCUMENT = Path(__file__).parents[2] / "docs" / "CONFIGURATION.md"
GOLDEN = Path(__file__).with_name("settings.json")
_COLUMN = 27  # column of the comments in that document
VALUES = (
    "3", "-3", "0", "0.5", "1e999", "nan", "true", '"nonsense"', '"moonshine/base-en"', '"5m"', '"-1"', '""', '"json"',
    '"cuda:1"', '"cpu"', f'"{"x" * 100}"', "[]", '["x"]', "[1]", '["tts/hibari"]', '["sst/x"]', "{}", '{ A = "b" }',
    "{ A = 1 }", "1979-05-27",
)  # fmt: skip
OTHERS = (
    "", "keepalive = 3", "qeue = 3", '"a\\nb" = 1', "models = 3", "worker = 3", "http = 3", "wyoming = []",
    "[http]\nx = 1", "[http]\nlisen = []", "[wyoming]\nx = 1", "[worker]\nx = 1",
    "[worker.stt]\nx = 1", "[worker.stt]\nkeep_alive = 1\nqueue = 0", "[worker.sst]", '[worker."stt/a/b/c"]',
    '[worker."stt/"]', "[worker]\nstt = 3", '[worker."sst/x"]', '[worker."stt/moonshine"]\npined = true',
    '[worker."a\\nb"]', '[worker."stt/x"]\n"a\\nb" = 1', '[worker."tts/hibari"]\npriority = -2\ncommand = ["x", "y"]',
    '[worker]\nkeep_alive = "10m"\n[worker.tts]\nkeep_alive = "1h"', "[worker.models]\nmemory_mb = 1",
    'exit_when_idle = -1\n[worker]\nqueue = 0', 'stt = "x"\nexit_when_idle = -1', "snow = 3", "auto_pul = 3",
    'standby = ["tts/hibari"]', '[neighbours.ollama]\nkind = "ollama"', "memory_share = 100", 'tts = "../x/y"',
    'exit_when_idle = "soon"', "[worker]\nkeep_alife = 1", "[worker]\nmax_pss_mb = -1",
)  # fmt: skip
CHECKED = (
    'stt = "moonshin/tiny-en"', 'stt = "moonshine/tiny-eng"', 'tts = "hibari/enn"', 'tts = "nobody/x"',
    '[worker."stt/nobody"]\npinned = true', '[worker."stt/nobody"]\ncommand = ["x"]',
    '[http]\nlisten = ["nonsense"]', '[http]\nlisten = ["0.0.0.0:8000"]', '[http]\nlisten = ["127.0.0.1:8000"]',
    '[http]\nlisten = ["127.0.0.1:99999"]', '[http]\ntoken_file = "/no/such/file"', '[http]\nlisten = ["unix:///x/y"]',
    '[wyoming]\nlisten = ["127.0.0.1:10300"]', '[wyoming]\nlisten = ["tcp://0.0.0.0:1"]',
    '[wyoming]\nlisten = ["tcp://0.0.0.0:1"]\nallow = ["192.168.1.5"]',
    "exit_when_idle = -1", "",
)  # fmt: skip


def configurations() -> Iterator[str]:
    """Every setting with values of every kind, and other mistakes."""
    yield from OTHERS
    for row in rows(Settings()):
        *tables, name = row["path"]
        head = f"[{'.'.join(tables)}]\n" if tables else ""
        yield from (f"{head}{name} = {value}" for value in VALUES)


def read(text: str, folder: Path) -> str:
    """The error of a configuration, or its settings that are not the defaults, as `config show` has them."""
    file = folder / "config.toml"
    file.write_text(text)
    try:
        shown = [row for row in rows(schema.load(file)) if row["value"] != row["default"]]
    except HushdError as error:
        return f"{error.code}: {error.message}".replace(str(file), "FILE")
    return json.dumps(shown)


def checked(text: str, folder: Path) -> str:
    """Returns the exit status and the output of `hushd config check`."""
    file = folder / "config.toml"
    file.write_text(text)
    try:
        with patch("hushd_schema.engines.added", return_value=()):  # a plugin may lack
            said = f"0 {config_file.checked(file)}"
    except HushdError as error:
        said = f"{error.exit_code} hushd: {error.message}"
    return f"{said}\n".replace(str(file), "FILE")


PARTS: Mapping[str, Callable[[Path], object]] = {
    "read": lambda folder: {text: read(text, folder) for text in configurations()},
    "checked": lambda folder: {text: checked(text, folder) for text in CHECKED},
    "shown": lambda _: [json.dumps(row) for row in rows(Settings())],
}


def as_text(part: object) -> str:
    return json.dumps(part, indent=1, ensure_ascii=False)


def block() -> str:
    """Returns every setting with its default and its help, table by table."""
    lines = [*_lines(DEFAULTS)]
    for name, table in tables_of(Settings).items():
        defaults = WorkerSettings() if name == "worker" else getattr(DEFAULTS, name)
        lines += ["", _line(f"[{name}]", table.help, table.document), *_lines(defaults)]
    return "\n".join(lines) + "\n"


def _default(setting: Setting, value: Any) -> str:
    """Returns a default as people write it: a length of time with its unit."""
    return toml.written(duration.shown(value) if kinds.schema(setting.kind).get("format") == "duration" else value)


def _lines(defaults: object) -> Iterator[str]:
    for name, setting in settings_of(type(defaults)).items():
        yield _line(f"{name} = {_default(setting, getattr(defaults, name))}", setting.help, setting.document)


def _line(text: str, help: str, document: str) -> str:
    return f"{text:{_COLUMN}}# {help}{f' ({document})' if document else ''}"


def write() -> None:
    before, head, rest = DOCUMENT.read_text().partition("```toml\n")
    DOCUMENT.write_text(f"{before}{head}{block()}```{rest.partition('```')[2]}")
    with TemporaryDirectory() as folder:
        GOLDEN.write_text(as_text({name: make(Path(folder)) for name, make in PARTS.items()}) + "\n")
