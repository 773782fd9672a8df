"""The table of commands: those of the command line, and those that other packages add."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from command_reference import commands
from hushd_cli import main, table
from hushd_cli.command import GROUP, Command
from hushd_models import installation
from hushd_protocol.errors import HushdError
from hushd_schema.entry_points import PLUGINS
from support.refusals import hushd_error

ADDED = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["entry-points"][GROUP]
MODULE = """
from hushd_cli.arguments import Parser
from hushd_cli.command import Command

WAVE = Command("wave", "wave to somebody", "hushd_waving", after="pause")


def main(prog, argv):
    print(f"{prog} waves to {make_parser(prog).parse_args(argv).whom}")
    return 3


def make_parser(prog):
    parser = Parser(prog, "Waves.")
    parser.add_argument("whom", metavar="WHOM", help="who is meant")
    return parser
"""


def _leaves(above: str, commands: Iterable[Command]) -> Iterator[tuple[str, Command]]:
    """The commands that have a program, by their words behind `hushd`."""
    for command in commands:
        if command.home:
            yield f"{above}{command.name}", command
        yield from _leaves(f"{above}{command.name} ", command.members)


@pytest.fixture
def waving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that adds `hushd wave`, known to nobody here."""
    info = tmp_path / "hushd_waving-1.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nwave = hushd_waving:WAVE\n")
    (tmp_path / "hushd_waving.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "hushd_waving", raising=False)
    return tmp_path


def test_every_command_has_a_program_and_a_parser_in_the_package_that_declares_it() -> None:
    """No name leads where an import may not."""
    values = {name: (command, "hushd_cli") for name, command in _leaves("", table.BUILT_IN)}
    own = len(values)
    for name, value in ADDED.items():
        module, _, attribute = value.partition(":")
        values[name] = getattr(import_module(module), attribute), module.partition(".")[0]
    assert len(values) == own + len(ADDED)
    for name, (command, package) in values.items():
        assert command.name == name.rpartition(" ")[2]
        for home in filter(None, (command.home, command.parser)):
            assert home.startswith(f"{package}.")
            assert find_spec(home.partition(":")[0]), home
        assert command.make_parser(f"hushd {name}").prog == f"hushd {name}"
        module, _, attribute = command.home.partition(":")
        assert callable(getattr(import_module(module), attribute).main if attribute else import_module(module).main)


def test_a_list_loads_no_program() -> None:
    """The summaries are all it needs: neither the client nor a parser of theirs."""
    code = "import sys; from hushd_cli.main import make_parser; make_parser('hushd').format_help(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert not {"zmq", "hushd.client", "importlib.metadata"} & {*loaded}
    assert not [name for name in loaded if name.startswith(("hushd_cli.commands", "hushd_cluster.command."))]


def test_a_package_adds_a_command(waving: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It runs, is listed behind the one it names, has its help, and completes."""
    assert main.main("hushd", ["wave", "Ann"]) == 3
    assert capsys.readouterr().out == "hushd wave waves to Ann\n"
    names = [command.name for command in table.every()]
    assert names[names.index("pause") + 1] == "wave"
    listed = main.make_parser("hushd").format_help()
    assert "wave to somebody" in listed.partition("speech and voices")[2].partition("\n\n")[0]
    (wave,) = (command for command in commands() if command.path == "hushd wave")
    assert [operand.metavar for operand in wave.operands] == ["WHOM"]


def test_a_command_that_does_not_load_keeps_nobody_else(waving: Path) -> None:
    """It is not listed; run, it says in one sentence why it cannot."""
    (waving / "hushd_waving.py").write_text("import nosuch_package\n")
    assert "wave" not in [command.name for command in table.every()]
    with hushd_error("engine_missing", r"`hushd wave` does not load \(No module named 'nosuch_package'\)"):
        main.main("hushd", ["wave"])
    (waving / "hushd_waving.py").write_text("WAVE = 3\n")
    sys.modules.pop("hushd_waving", None)
    with pytest.raises(HushdError, match="is not a hushd_cli"):
        main.main("hushd", ["wave"])


def test_the_command_of_a_plugin_that_is_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each says which line installs it, and one of another version that it is; the version lists none."""
    monkeypatch.setattr(table, "entry_points", lambda group: {})
    for plugin, names in PLUGINS.items():
        for name in names:
            with hushd_error("engine_missing", rf"(takes the plugin |hushd-){plugin}.*install .*{plugin}"):
                main.main("hushd", [name, "--help"])
    monkeypatch.setattr(installation, "plugins", lambda: {"wake": "0.0.9"})
    with pytest.raises(HushdError, match=r"hushd-wake is of version 0\.0\.9, and hushd of \d+\.\d+\.\d+: .*install"):
        main.main("hushd", ["wake"])


def test_no_package_takes_the_place_of_a_command(waving: Path) -> None:
    """A name that is taken stays what it is."""
    (waving / "hushd_waving-1.dist-info/entry_points.txt").write_text(f"[{GROUP}]\nstatus = hushd_waving:WAVE\n")
    assert table.find(["status"])[0] in table.BUILT_IN
    assert [command.name for command in table.every()].count("status") == 1
    assert "wave" not in [command.name for command in table.every()]


def test_a_package_adds_a_member(waving: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A command of a family runs behind its name, has its options there, and is listed once."""
    (waving / "hushd_waving.py").write_text(MODULE.replace('after="pause"', 'family="agents", hidden=True'))
    assert main.main("hushd", ["agents", "wave", "Ann"]) == main.main("hushd", ["wave", "Ann"]) == 3
    assert capsys.readouterr().out == "hushd agents wave waves to Ann\nhushd wave waves to Ann\n"
    assert "\n  wave " not in main.make_parser("hushd").format_help(whole=True)
    (wave,) = (command for command in commands() if command.words[-1] == "wave")
    assert (wave.path, [operand.metavar for operand in wave.operands]) == ("hushd agents wave", ["WHOM"])
    with pytest.raises(HushdError, match=r"There is no command 'wav' \(did you mean wave\?\)"):
        main.main("hushd", ["agents", "wav"])


@pytest.mark.parametrize("words", ["models", "config"])
def test_a_family_that_keeps_things_lists_them(words: str, runtime: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The usual subcommand is meant where none is named, and its options are taken."""
    subcommand = "show" if words == "config" else "list"
    printed = []
    for argv in (["--json"], [subcommand, "--json"]):
        assert main.main("hushd", [*words.split(), *argv]) == 0
        printed.append(capfd.readouterr().out)
    assert printed[0] == printed[1]
    json.loads(printed[0])


def test_whether_agents_read_aloud_is_told_to_programs(runtime: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It is on until it is turned off, and on again."""
    for words, on in ([], True), (["off"], False), (["on"], True):
        if words:
            main.main("hushd", ["agents", "hook", *words])
            assert capfd.readouterr().out.startswith("On." if on else "Off: ")
        main.main("hushd", ["agents", "hook", "state", "--json"])
        assert json.loads(capfd.readouterr().out) == {"on": on}
