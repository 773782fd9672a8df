"""The commands of `hushd`: those of this package, in the order of the list, and those that others add."""

from __future__ import annotations

from importlib import import_module

from hushd_protocol.errors import HushdError
from hushd_schema.entry_points import entry_points

from .command import GROUP, Command

_SPOKEN = {"engine": "tts-engines", "model": "tts-models", "language": "tts-languages", "device": "loudspeakers"}
_MODELS = {
    "pull names": "known-models",
    "show name": "known-models",
    "path name": "models-here",
    "rm names": "models-here",
    "verify names": "models-here",
    "quantize names": "models-here",
}
BUILT_IN = (
    Command(
        "say",
        "speak; also a command of its own",
        "hushd_cli.commands.say.command",
        parser="hushd_cli.commands.say.options",
        completes=_SPOKEN,
    ),
    Command(
        "listen",
        "write down what is said; also a command of its own",
        "hushd_cli.commands.listen.command",
        parser="hushd_cli.commands.listen.options",
    ),
    Command(
        "talk",
        "hold a conversation by loudspeaker and microphone, with a person or with a program",
        "hushd_cli.commands.talk",
        completes={"language": "tts-languages"},
    ),
    Command("status", "show what runs, and how much memory it has", "hushd_cli.commands.status"),
    Command("top", "show live what runs, with keys to start and to end it", "hushd_cli.commands.top.command"),
    Command(
        "memory",
        "show memory over time, beside what a server that never unloads would have held",
        "hushd_cli.commands.memory.command",
        this_machine_only=True,
    ),
    Command(
        "doctor",
        "look for what is wrong, and say what to do about it",
        "hushd_cli.commands.doctor.command",
        this_machine_only=True,
    ),
    Command(
        "trace",
        "show where the time of a cold start goes",
        "hushd_cli.commands.trace",
        this_machine_only=True,
    ),
    Command(
        "completion",
        "print a script that has a shell complete commands, options and names",
        "hushd_cli.commands.completion.command",
    ),
    Command("engine", "write an engine of your own, and check it", "hushd_cli.commands.engine.command"),
    Command(
        "models",
        "list, download, check and remove models",
        "hushd_cli.commands.models.command",
        this_machine_only=True,
        completes=_MODELS,
    ),
    Command(
        "tune",
        "measure which settings are fastest on this machine, and write them into the configuration",
        "hushd_cli.commands.tune.command",
        this_machine_only=True,
        completes={"what": "workers"},
    ),
    Command(
        "preload",
        "start workers before they are needed",
        "hushd_cli.commands.calls:PRELOAD",
        completes={"what": "workers"},
    ),
    Command(
        "unload",
        "end workers and give their memory back",
        "hushd_cli.commands.unload",
        completes={"what": "running-workers"},
    ),
    Command(
        "yield",
        "free memory of graphics cards for another program",
        "hushd_cli.commands.yield_vram",
        this_machine_only=True,
    ),
    Command("stop-speaking", "end what is spoken, and what waits to be", "hushd_cli.commands.calls:STOP_SPEAKING"),
    Command("pause", "interrupt speaking and listening until `hushd resume`", "hushd_cli.commands.calls:PAUSE"),
    Command("resume", "go on where `hushd pause` interrupted", "hushd_cli.commands.calls:RESUME"),
    Command(
        "logs",
        "show the end of a log",
        "hushd_cli.commands.logs",
        this_machine_only=True,
        completes={"what": "workers"},
    ),
    Command(
        "config",
        "show, check and change the configuration",
        "hushd_cli.commands.config.command",
        completes={"key": "settings"},
    ),
    Command("keys", "let other machines of yours use this one's hushd, by key", "hushd_cli.commands.keys"),
    Command(
        "reload",
        "have the supervisor read its configuration again",
        "hushd_cli.commands.calls:RELOAD",
        this_machine_only=True,
    ),
    Command(
        "restart",
        "finish what is running, and start a new supervisor",
        "hushd_cli.commands.restart",
        this_machine_only=True,
    ),
    Command(
        "shutdown",
        "finish what is running, then end the supervisor",
        "hushd_cli.commands.calls:SHUTDOWN",
        this_machine_only=True,
    ),
    Command("run", "be the supervisor, in the foreground", "hushd_cli.commands.run"),
    Command(
        "service",
        "have the system start the supervisor when a program needs it",
        "hushd_cli.commands.service.command",
    ),
    Command(
        "serve",
        "be the supervisor, in the foreground, for programs that speak OpenAI's audio API or Wyoming",
        "hushd_cli.commands.serve.command",
    ),
)


def find(name: str) -> Command | None:
    """Returns the command, which a package may have added; None where there is none of the name.

    Raises:
        HushdError: `engine_missing` when the package that adds it does not load.
    """
    for command in BUILT_IN:
        if command.name == name:
            return command
    value = entry_points(GROUP).get(name)
    try:
        return _loaded(value) if value else None
    except Exception as error:
        raise HushdError(
            "engine_missing", f"The package that adds `hushd {name}` does not load ({error}): install it again."
        ) from error


def every() -> list[Command]:
    """Returns all commands, each added one behind that which it names; one whose package does not load is left out."""
    own = {command.name for command in BUILT_IN}
    added = []
    for name, value in sorted(entry_points(GROUP).items()):
        try:
            if name not in own:
                added.append(_loaded(value))
        except Exception:
            continue  # to run it says why
    listed: list[Command] = []

    def place(command: Command) -> None:
        listed.append(command)
        for other in added:
            if other.after == command.name:
                place(other)

    for command in BUILT_IN:
        place(command)
    return [*listed, *(command for command in added if command not in listed)]


def _loaded(value: str) -> Command:
    module, _, name = value.partition(":")
    command = getattr(import_module(module), name)
    if not isinstance(command, Command):
        raise TypeError(f"{value} is not a hushd_cli.command.Command")
    return command
