"""The commands of `hushd`: this package's by topic, in the list's order, and those from other packages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hushd_models.installation import plugin_needed
from hushd_protocol.errors import HushdError
from hushd_schema.entry_points import entry_points, loaded, plugin_of

from .command import GROUP, Command, named


def _own(name: str, summary: str, home: str = "", **more: Any) -> Command:
    """Returns a command whose program lies in `commands`, by default under its name."""
    return Command(name, summary, f"hushd_cli.commands.{home or name}", **more)


_HOOK = _own("hook", "let coding agents read answers aloud", "agents.hook", this_machine_only=True)
TOPICS: dict[str, tuple[Command, ...]] = {
    "speak and listen": (
        _own("say", "speak text", "say.command", parser="hushd_cli.commands.say.options"),
        _own(
            "listen", "transcribe the microphone or recordings", "listen.command",
            parser="hushd_cli.commands.listen.options",
        ),
    ),
    "agents and other machines": (
        Command("agents", "let coding agents speak and listen", members=(_HOOK,)),
        _own("relay", "join ssh from another machine to this one's hushd", this_machine_only=True, hidden=True),
    ),
    "speech and voices": (
        _own("stop", "stop all speech, playing or queued", "simple_commands:STOP"),
        _own("pause", "pause speaking and listening until `hushd resume`", "simple_commands:PAUSE"),
        _own("resume", "continue where `hushd pause` interrupted", "simple_commands:RESUME"),
    ),
    "workers, memory and models": (
        _own("status", "show the running workers and their memory", "simple_commands:STATUS"),
        _own("top", "show the same live"),
        _own("load", "start workers before they are needed", "simple_commands:LOAD", rare=True),
        _own("unload", "end workers and give their memory back"),
        _own(
            "models", "list, download, check and remove models", "models.command",
            this_machine_only=True, usual="list",
        ),
        _own("get", "bring a language: what hears and speaks it", this_machine_only=True),
        _own("servers", "run other speech servers on demand", this_machine_only=True, usual="list", rare=True),
    ),
    "this installation": (
        _own("serve", "serve OpenAI's audio API and Wyoming"),
        _own("service", "make the system start hushd on demand", rare=True),
        _own(
            "restart", "finish what runs, and start a new supervisor", "simple_commands:RESTART",
            this_machine_only=True, rare=True,
        ),
        _own(
            "shutdown", "finish what runs, and end the supervisor", "simple_commands:SHUTDOWN",
            this_machine_only=True, rare=True,
        ),
        _own("doctor", "find faults, and say how to fix them", "doctor.command"),
        _own("config", "show, check and change the configuration", usual="show"),
        _own("logs", "show the end of a log", this_machine_only=True),
        _own("completion", "print a script for a shell's completion", rare=True),
    ),
}  # fmt: skip
BUILT_IN = tuple(command._replace(topic=topic) for topic, commands in TOPICS.items() for command in commands)
OTHERS = "added by other packages"


def find(argv: Sequence[str]) -> tuple[Command | None, list[str]]:
    """Returns the command named by the first word, possibly from another package, and its words.
    Raises `engine_missing` if its package does not load, or is a plugin that is not here."""
    command, remaining = named(BUILT_IN, argv)
    if command or not argv:
        return command and _with_added(command), remaining
    name, *remaining = argv
    value = entry_points(GROUP).get(name)
    if not value and (plugin := plugin_of(name)):
        raise HushdError("engine_missing", plugin_needed(plugin, f"`hushd {name}`"))
    try:
        return _loaded(value) if value else None, remaining
    except Exception as error:
        raise HushdError(
            "engine_missing", f"The package that adds `hushd {name}` does not load ({error}): install it again."
        ) from error


def every() -> list[Command]:
    """Returns all commands, each added one after the one that it names; commands of packages that do not load are left
    out."""
    added = _added()
    listed: list[Command] = []

    def place(command: Command) -> None:
        listed.append(command)
        for other in added:
            if other.after == command.name:
                place(other._replace(topic=command.topic))

    for command in BUILT_IN:
        place(_with_added(command))
    names = {command.name for command in listed}
    return [*listed, *(command._replace(topic=OTHERS) for command in added if command.name not in names)]


def _with_added(command: Command) -> Command:
    """Returns a family with the members that other packages add to it."""
    if command.home or not command.members:
        return command
    more = [each for each in _added() if each.family == command.name]
    return command._replace(members=(*command.members, *(each._replace(hidden=False) for each in more)))


def _added() -> list[Command]:
    """Returns the commands of other packages, except those whose name is taken."""
    built_in_names = {command.name for command in BUILT_IN}
    added = []
    for name, value in sorted(entry_points(GROUP).items()):
        try:
            if name not in built_in_names:
                added.append(_loaded(value))
        except Exception:
            continue  # running it prints the reason
    return added


def _loaded(value: str) -> Command:
    command = loaded(value)
    if not isinstance(command, Command):
        raise TypeError(f"{value} is not a hushd_cli.command.Command")
    return command
