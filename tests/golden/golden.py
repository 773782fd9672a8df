"""Whatever people and programs read of hushd's options, as files beside this one.

`python tests/golden/golden.py` rewrites them, where a change is on purpose; the difference is part of the commit.

`help.txt` has what `hushd --help` prints; `refusals.txt` each sentence that refuses a bad value, with the parameters
and the values that it is for, at the workers and at the command line. With agents lies `prepared.json`, what the SDK
answers to hosts of agents; with a plugin the refusals of its commands and operations. Tables in docs are written, too:
those of docs/PROTOCOL.md from the operations, and of docs/SERVING.md from the requests.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tomllib
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hushd_reading.spellout import LANGUAGES
from hushd_schema.entry_points import entry_points
from hushd_schema.operations import Operation

PROTOCOL, SERVING = (f"../../docs/{name}.md" for name in ("PROTOCOL", "SERVING"))
WAKE = "../../plugins/wake/README.md"
FOLDER = Path(__file__).parent
WIDTH = "100"  # columns of a help
REWRITE = "`python tests/golden/golden.py` writes all these files, where the change is on purpose"
_NO_NAME = "☃"  # like no other: the refusal lists all there are
_BAD: tuple[Any, ...] = (
    "", "nonsense", "x" * 3_000, 0, -1, 1.5, 10**9, float("nan"), True, ["nonsense"], [2, 1], {"nonsense": []},
)  # fmt: skip
_BAD_WORDS = ("", "nonsense", "-1", "0", "1.5", "1e9", "nan")  # of a command line
_BAD_FORMS = ("nonsense", "-1", "1.5", "1e9", "nan")


def texts() -> dict[str, Callable[[], str]]:
    made: dict[str, Callable[[], str]] = {}
    here = {path.parent.name: path for path in FOLDER.parents[1].glob("plugins/*/pyproject.toml")}
    others = {"wake": of_detect}
    for name, path in here.items():
        commands = _entry_points(path).get("hushd.commands", {})
        if commands or name in others:
            made[f"../../plugins/{name}/tests/refusals.txt"] = lambda name=name, commands=commands: _by_kind(
                [*others.get(name, list)(), *(of_commands(commands) if commands else ())]
            )
    if "wake" in here:
        made[WAKE] = with_detect
    return made | {
        "../../agents/hushd_mcp/prepared.json": lambda: _json(prepared_answers()),
        "../agents/refusals.txt": lambda: _by_kind(of_commands(["mcp"])),
        **{f"../../reading/hushd_reading/languages/{code}.txt": partial(of_language, code) for code in LANGUAGES},
        "../schema/parameters.txt": lambda: "\n".join([*of_parameters(), ""]),
        "../gateway/refusals.txt": lambda: _by_kind(of_http()),
        SERVING: with_requests,
        "help.txt": help_of_hushd,
        "status.json": of_status,
        "refusals.txt": lambda: _by_kind([*of_workers(), *of_commands()]),
        PROTOCOL: with_references,
    }


def help_of_hushd() -> str:
    """The list of the core's commands, wherever this checkout lies: a long folder would break a line elsewhere."""
    from hushd_cli import main, table
    from hushd_models import installation

    check_setup()
    with patch.object(installation, "_checkout", Path), patch.object(table, "entry_points", lambda group: {}):
        return main.make_parser("hushd").format_help()


def check_setup() -> None:
    """Raises an error where an entry point of pyproject.toml is not installed, so that a command would be left out."""
    for group, points in _entry_points(FOLDER.parents[1] / "pyproject.toml").items():
        installed = entry_points(group)
        if lacking := [name for name, target in points.items() if installed.get(name) != target]:
            raise RuntimeError(f"This environment lacks {', '.join(lacking)} of pyproject.toml: run scripts/setup.")


def _entry_points(project: Path) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = tomllib.loads(project.read_text())["project"].get("entry-points", {})
    return found


def of_language(code: str) -> str:
    """The words that CLDR's libraries have for small numbers, years and months, in which no voice waits for them."""
    from babel import Locale
    from hushd_reading import spellout

    months = Locale(code).months["format"]
    rows = {f"months-{width}": [months[width][at] for at in range(1, 13)] for width in ("wide", "abbreviated")}
    rows["comma"] = [spellout.computed("0.5", code, "cardinal" if code == "en" else "cardinal-masculine").split()[1]]
    sets = "\n".join(sorted(spellout.engine(code).rulesets))
    year = "" if code in ("de", "en") else "(?!-year)"
    for name in re.findall(rf"(?m)^spellout-((?:cardinal|ordinal|numbering{year})[a-z-]*)", sets):
        first, count = (spellout.FIRST_READY[name], 150) if name in spellout.FIRST_READY else (0, 100)
        rows[name] = [spellout.computed(value, code, name) for value in range(first, first + count)]
    return "".join(f"{key}\t{'|'.join(words)}\n" for key, words in rows.items())


def of_workers() -> Iterator[str]:
    """The refusals of each operation's parameters by the worker that does it."""
    for operation, check in _operations().items():
        yield from _of_operation(operation, check)
    for name in _decoder_names():
        yield from _table(
            f"transcribe decoder {name}",
            lambda value, name=name: _operations()["transcribe"]({"decoder": {name: value}}),
            _BAD,
        )
    for given in (
        {"live": True, "format": "file"}, {"continuous": True}, {"echo": True},
        {"clips": [1, 2], "diarize": True}, {"task": "translate"}, {"language": "xx"},
    ):  # fmt: skip
        yield f"transcribe {given}: {_refused(_operations()['transcribe'], given)}"
    for given in ({"wpm": 100, "speed": 1}, {"format": "mp3", "sample_rate": 9000}, {"language": "xx"}):
        yield f"synthesize {given}: {_refused(_operations()['synthesize'], given)}"


def of_detect() -> Iterator[str]:
    """The same of the operation that waits for words."""
    from hushd_worker_wake.operation import DETECT

    yield from _of_operation(DETECT.name, DETECT.read)


def _of_operation(operation: str, check: Callable[[Mapping[str, Any]], object]) -> Iterator[str]:
    sentence = _refused(check, {_NO_NAME: 1}) or ""
    yield f"{operation}: {sentence}"
    for name in re.findall(r"\w+", sentence.partition("it takes ")[2].replace(" or ", " ")):
        yield from _table(f"{operation} {name}", lambda value, name=name: check({name: value}), _BAD)


def _operations() -> dict[str, Callable[[Mapping[str, Any]], object]]:
    from hushd_schema.engines import EngineSpec
    from hushd_schema.operations.models import PULL
    from hushd_worker_stt.engine import Model
    from hushd_worker_stt.request import Request
    from hushd_worker_tts import params
    from hushd_worker_tts.engine import Voice

    tiny = Model("tiny", languages=("en",), memory_mb=1)
    hears = EngineSpec("scripted", "stt", "", "tiny", streaming=True)
    voice = Voice("ting", "en", "", "tiny", True, "", 180)
    speaks = EngineSpec("tiny", "tts", "", "tiny", default_voice="ting")
    found: dict[str, Callable[[Mapping[str, Any]], object]] = {
        "transcribe": lambda given: Request.parse(given, hears, tiny),
        "synthesize": lambda given: params.read(given, speaks, [voice]),
    }
    return found | {PULL.name: PULL.read}


def _decoder_names() -> list[str]:
    from hushd_schema.operations.decoder import DECODER

    return list(DECODER.fields)


def of_http() -> Iterator[str]:
    """The refusals of each parameter of a request over HTTP, in JSON and in forms."""
    from hushd_gateway.http import speech
    from hushd_gateway.http.errors import ApiError
    from hushd_gateway.http.fields import FormFields
    from hushd_gateway.http.transcription.params import TRANSCRIPTION, TRANSLATION

    requests = {"speech": speech.PARAMETERS, "transcriptions": TRANSCRIPTION, "translations": TRANSLATION}
    for path, parameters in requests.items():
        form = path != "speech"
        for each in parameters:

            def check(value: Any, form: bool = form, each: Any = each) -> None:
                try:
                    each.check(FormFields({each.name: [value]}) if form else {each.name: value}, each.name)
                except ApiError as error:
                    raise ValueError(error.message) from None

            yield from _table(f"POST /v1/audio/{path} {each.name}", check, _BAD_FORMS if form else _BAD)


def of_commands(added: Collection[str] = ()) -> Iterator[str]:
    """The refusals of each option's value at the command line, of the core's commands or of a plugin's."""
    from hushd_protocol.errors import HushdError

    for words, parser in _parsers(added):
        for action in parser._actions:
            if action.nargs == 0 or action.help == argparse.SUPPRESS or isinstance(action, argparse._SubParsersAction):
                continue

            def check(value: str, action: argparse.Action = action, parser: Any = parser) -> None:
                try:
                    value_of = parser._get_value(action, value)
                    parser._check_value(action, value_of)
                except argparse.ArgumentError as error:
                    try:
                        parser.error(str(error))
                    except HushdError as refused:
                        raise ValueError(refused.message) from None

            name = action.option_strings[-1] if action.option_strings else action.dest
            yield from _table(f"{' '.join(words)} {name}", check, _BAD_WORDS)


def prepared_answers() -> dict[str, Any]:
    """The SDK's answers to the requests that need no work, by their methods."""
    import anyio
    from hushd_mcp import calls, server, work
    from hushd_models import preferences
    from mcp.server.stdio import stdio_server

    methods = ("ping", "tools/list", "prompts/list", "resources/list", "resources/templates/list", "logging/setLevel")
    client = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}}
    requests = [
        ("initialize", client),
        ("notifications/initialized", {}),
        *((method, {"level": "info"} if "Level" in method else {}) for method in methods),
    ]
    found: dict[str, Any] = {}

    class Lines:
        """Standard input and output of a host that asks for one after the other."""

        async def __aiter__(self) -> AsyncIterator[str]:
            for method, params in requests:
                asked = {} if "notifications" in method else {"id": method}
                yield json.dumps({"jsonrpc": "2.0", "method": method, "params": params} | asked)
                while asked and method not in found:
                    await anyio.sleep(0)

        async def write(self, line: str) -> None:
            answer = json.loads(line)
            found[answer["id"]] = {key: answer[key] for key in ("result", "error") if key in answer}

        async def flush(self) -> None:
            pass

    async def ask() -> None:
        async with stdio_server(Lines(), Lines()) as (read, write):  # type: ignore[arg-type]
            made = server.AgentServer(calls.Calls(work.TaskRegistry()))._lowlevel_server
            await made.run(read, write, made.create_initialization_options())

    # What the file has is what nobody's languages change.
    with patch.object(preferences, "own_languages", lambda path: []):
        anyio.run(ask)
    return {method: found[method] for method in methods}


def _starts() -> dict[str, Operation]:
    """The operations, by the words before each one's table in the protocol's document."""
    from hushd_schema.operations.models import PULL
    from hushd_schema.operations.synthesize import SYNTHESIZE
    from hushd_schema.operations.transcribe import TRANSCRIBE

    return {
        "**`transcribe`**": TRANSCRIBE,
        "**`synthesize`**": SYNTHESIZE,
        "**`pull`**": PULL,
    }


def of_parameters() -> Iterator[str]:
    """The bounds and the default of each parameter, and the bounds of what a file of a server may hold."""
    from hushd_schema.kinds import must_be, of
    from hushd_schema.operations.decoder import DECODER
    from hushd_schema.server_file import ServerFile

    transcribe, *others = _starts().values()
    for operation in (transcribe, DECODER, *others):
        for name, field in operation.fields.items():
            kinds = [field.kind, *(form.kind for form in (field.option, field.http, field.mcp) if form and form.kind)]
            bounds = "; in other forms ".join(dict.fromkeys(map(must_be, kinds)))
            yield f"{operation.name}.{name}: {bounds}; default: {field.default!r}"
    yield from (f"server.{name}: {must_be(kind)}" for name, kind in of(ServerFile).items())


def with_references() -> str:
    """The protocol's document with the tables of parameters as the operations have them."""
    return _with_tables(PROTOCOL, {start: _parameters(operation) for start, operation in _starts().items()})


def with_detect() -> str:
    """The document on wake words with the table of the operation's parameters."""
    from hushd_worker_wake.operation import DETECT

    return _with_tables(WAKE, {"## Words on the wire": _parameters(DETECT)})


def with_requests() -> str:
    """The document on HTTP with the tables of parameters as the requests have them."""
    from hushd_gateway.http import speech
    from hushd_gateway.http.transcription.params import TRANSCRIPTION

    tables = {"## Speech": speech.PARAMETERS, "## Transcriptions": TRANSCRIPTION}
    return _with_tables(
        SERVING, {start: _markdown("parameter", map(_explained, each)) for start, each in tables.items()}
    )


def _with_tables(document: str, tables: Mapping[str, str]) -> str:
    """A document with the first table behind each text replaced."""
    text = (FOLDER / document).read_text()
    for start, table in tables.items():
        begin = text.index("\n| ", text.index(start)) + 1
        text = text[:begin] + table + text[text.index("\n\n", begin) + 1 :]
    return text


def _parameters(operation: Operation) -> str:
    return _markdown("parameter", ((name, field.about) for name, field in operation.fields.items()))


def _markdown(title: str, rows: Iterable[tuple[str, str]]) -> str:
    return f"| {title} | meaning |\n|---|---|\n" + "".join(f"| `{name}` | {about} |\n" for name, about in rows)


def _explained(parameter: Any) -> tuple[str, str]:
    """A parameter of HTTP and what it is about, with its values where they are few or bounded."""
    form, name = parameter.form, parameter.name + "[]" * parameter.several
    if words := ", ".join(f"`{word}`" for word in form.get("enum", ()) if word):
        return name, f"{parameter.about[:-1]} ({words}; default: `{form['default']}`)."
    if "maximum" in form:
        return name, f"{parameter.about[:-1]} ({form['minimum']:g} to {form['maximum']:g})."
    return name, parameter.about


def _parsers(added: Collection[str]) -> Iterator[tuple[tuple[str, ...], Any]]:
    from hushd_cli import main, table
    from hushd_cli.reference import ROOTS, parsers

    if not added:
        with patch.object(table, "entry_points", lambda group: {}):
            yield ("hushd",), main.make_parser("hushd")
    here = [table.find([name])[0] for name in sorted(added)] if added else table.BUILT_IN
    for words, command in [
        *((("hushd", command.name), command) for command in here if command),
        *(((name,), table.find([name])[0]) for name in ROOTS[1:] if not added),
    ]:
        assert command
        yield from parsers(words, command)


def _table(title: str, check: Callable[[Any], object], values: tuple[Any, ...]) -> Iterator[str]:
    """A line for each sentence that refuses, and the values refused; COMMAND, NAME and VALUE stand for those in it."""
    kinds: dict[str, list[str]] = {}
    command, _, name = title.rpartition(" ")
    for value in values:
        if sentence := _refused(check, value):
            kind = re.sub(rf"(?<![\w.]){re.escape(repr(value)[:50])}(x*\.\.\.)?(?!\w|\.\d)", "VALUE", sentence)
            kind = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", "NAME", kind)
            kinds.setdefault(kind.replace(f"`{command} --", "`COMMAND --"), []).append(repr(value)[:10])
    yield from (f"{title}: {kind} <- {' '.join(refused)}" for kind, refused in kinds.items())


def _by_kind(lines: Iterable[str]) -> str:
    """A line for each kind of refusal, with all that refuse so."""
    kinds: dict[str, list[str]] = {}
    for line in lines:
        title, _, kind = line.partition(": ")
        kinds.setdefault(kind, []).append(title)
    return "".join(f"{', '.join(titles)}: {kind}\n" for kind, titles in kinds.items())


def _refused(check: Callable[[Any], object], value: Any) -> str | None:
    try:
        check(value)
    except Exception as error:
        return str(error)
    return None


def of_status() -> str:
    """The answer to `status` with every key, in its order and form: programs read `hushd status --json`."""
    from hushd_protocol.cards import Card
    from hushd_protocol.messages import Claim
    from hushd_schema.status import DoorStatus, GatewayStatus, ListenerStatus
    from hushd_supervisor.core.actions import ReportStatus
    from hushd_supervisor.core.events import FromClient
    from hushd_supervisor.system import status
    from hushd_supervisor.system.memory import measure
    from support.house import MB, ROUTE, A, B, House

    house = House(cards=[Card("cuda:0", "0000:01:00.0", "NVIDIA X", 24000 * MB, 20000 * MB)])
    house.idle(A, cards={"0000:01:00.0": 812 * MB})
    house.request(A, keep_alive=900.0), house.finish(A)
    house.request(B), house.ready(B)
    house.tell(FromClient(ROUTE, Claim(id=bytes(16), devices=["speaker"])))
    house.wait(2.5)
    listeners = (ListenerStatus(kind="http", address="127.0.0.1:8890", service=False),)
    gateway, agents = (GatewayStatus(pid=pid, starts=2, rss_mb=None) for pid in (33, 34))
    door = DoorStatus(listeners=listeners, gateway=gateway, agents=agents)
    pids = {(name, house.gen(name)): 300 + number for number, name in enumerate((A, B))}
    asked = house.control("status")
    (floor,) = [action.floor for action in house.of(ReportStatus) if action.id == asked]

    def usage(pid: int) -> measure.Usage:
        return measure.Usage(pid * MB, pid * 900_000, pid * 1_100_000, pid * 600_000, pid * 400_000)

    with (
        patch("os.getpid", return_value=4711),
        patch.object(measure, "resident_usage", lambda pid: measure.Usage(1_000_000, 0, 0)),
        patch.object(status, "__version__", "0.1.0"),
    ):
        rows, memory = house.pool.fleet.status(house.now), house.pool.fleet.memory(house.now)
        report = status.report(rows, memory, floor, pids, 12.34, usage, door)
    return json.dumps(report.data(), indent=2) + "\n"


def check(name: str, agreed: str, found: str) -> None:
    """Raises AssertionError with the first line that differs, and the command that writes the file."""
    lines = zip(agreed.split("\n"), found.split("\n"), strict=False)
    for number, (old, new) in enumerate(lines, 1):
        assert old == new, f"{name}, line {number}: {REWRITE}:\n- {old}\n+ {new}"
    assert agreed == found, f"{name} has {agreed.count(chr(10))} lines, and {found.count(chr(10))} now: {REWRITE}"


def _json(data: Any) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.path.insert(0, os.fspath(FOLDER.parent))
    os.environ["COLUMNS"] = WIDTH
    for file, make in texts().items():
        (FOLDER / file).write_text(make())
    import_module("settings").write()
