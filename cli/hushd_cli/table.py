"""The commands of `hushd`: those of this package, by topic and in the order of the list, and those that others add."""

from __future__ import annotations

from importlib import import_module
from typing import Any

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


def _own(name: str, summary: str, home: str = "", **more: Any) -> Command:
    """A command whose program lies in `commands`, by default under its name."""
    return Command(name, summary, f"hushd_cli.commands.{home or name}", **more)


TOPICS: dict[str, tuple[Command, ...]] = {
    "speak and listen": (
        _own("say", "speak text", "say.command", parser="hushd_cli.commands.say.options", completes=_SPOKEN),
        _own(
            "listen",
            "transcribe the microphone or recordings",
            "listen.command",
            parser="hushd_cli.commands.listen.options",
        ),
        _own("watch", "transcribe each recording put into a folder", rare=True),
        _own("talk", "hold a spoken conversation with a program", completes={"language": "tts-languages"}),
        _own("wake", "wait for a wake word, then run a command"),
    ),
    "agents and other machines": (
        _own("agent-hook", "have coding agents read answers aloud", "agent_hook.command", this_machine_only=True),
        _own(
            "attach",
            "lend loudspeaker and microphone to a machine, by ssh",
            "attach.command",
            this_machine_only=True,
        ),
        _own("relay", "join ssh from another machine of yours to this one's hushd", rare=True, this_machine_only=True),
    ),
    "speech, and the people who hear it": (
        _own("voices", "give programs voices of their own, by name", this_machine_only=True, rare=True),
        _own("mute", "silence a named voice", "voices:MUTE", this_machine_only=True, rare=True),
        _own("unmute", "let a named voice speak again", "voices:UNMUTE", this_machine_only=True, rare=True),
        _own("said", "list recent speech", this_machine_only=True, rare=True),
        _own("say-again", "repeat the last speech", "said:AGAIN", this_machine_only=True, rare=True),
        _own("stop-speaking", "stop all speech, playing or queued", "calls:STOP_SPEAKING"),
        _own("pause", "pause speaking and listening until `hushd resume`", "calls:PAUSE"),
        _own("resume", "continue where `hushd pause` interrupted", "calls:RESUME"),
        _own("pronounce", "set how words are pronounced, by every voice", this_machine_only=True, rare=True),
        _own(
            "people",
            "recognise people by voice, with their consent",
            completes={"show name": "people", "forget name": "people"},
        ),
    ),
    "workers, memory and models": (
        _own("status", "show what runs and the memory it holds"),
        _own("top", "show the same live, with keys to start and stop", "top.command"),
        _own("memory", "show memory over time", "memory.command", this_machine_only=True, rare=True),
        _own(
            "preload", "start workers before they are needed", "calls:PRELOAD", completes={"what": "workers"}, rare=True
        ),
        _own("unload", "end workers and give their memory back", completes={"what": "running-workers"}),
        _own("yield", "free graphics memory for another program", "yield_vram", this_machine_only=True, rare=True),
        _own(
            "models",
            "list, download, check and remove models",
            "models.command",
            this_machine_only=True,
            completes=_MODELS,
        ),
        _own(
            "tune",
            "find the fastest settings for this machine",
            "tune.command",
            this_machine_only=True,
            completes={"what": "workers"},
        ),
    ),
    "this installation": (
        _own("serve", "serve OpenAI's audio API and Wyoming", "serve.command"),
        _own("run", "run the supervisor in the foreground", rare=True),
        _own("service", "have the system start hushd on demand", "service.command"),
        _own("reload", "read the configuration again", "calls:RELOAD", this_machine_only=True, rare=True),
        _own("restart", "finish what runs, and start a new supervisor", this_machine_only=True, rare=True),
        _own(
            "shutdown", "finish what runs, and end the supervisor", "calls:SHUTDOWN", this_machine_only=True, rare=True
        ),
        _own("welcome", "show what is here and how to begin", this_machine_only=True, rare=True),
        _own("doctor", "find what is wrong and say how to mend it", "doctor.command"),
        _own("config", "show, check and change the configuration", "config.command", completes={"key": "settings"}),
        _own("logs", "show the end of a log", this_machine_only=True, completes={"what": "workers"}),
        _own("completion", "print a script for a shell's completion", "completion.command", rare=True),
    ),
}
BUILT_IN = tuple(command._replace(topic=topic) for topic, commands in TOPICS.items() for command in commands)
OTHERS = "added by other packages"
# Ollama's words for what has a longer name here: understood, and listed nowhere.
SYNONYMS = {
    "list": ("models", "list", "--here"),
    "ps": ("status",),
    "pull": ("models", "pull"),
    "rm": ("models", "rm"),
}

# Commands of earlier versions, with the sentence about what to use.
REMOVED = {
    "keys": "`hushd keys` is gone: other machines come by ssh, with its keys (HUSHD_ENDPOINT=ssh://HOST there).",
    "trace": "`hushd trace` is gone: in a checkout `scripts/bench stages` measures a cold start.",
}


def find(name: str) -> Command | None:
    """Returns the command, which a package may have added; None where there is none of the name.

    Raises:
        HushdError: `engine_missing` when the package that adds it does not load; `bad_request` of a removed one.
    """
    for command in BUILT_IN:
        if command.name == name:
            return command
    if name in REMOVED:
        raise HushdError("bad_request", REMOVED[name])
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
                place(other._replace(topic=command.topic))

    for command in BUILT_IN:
        place(command)
    names = {command.name for command in listed}
    return [*listed, *(command._replace(topic=OTHERS) for command in added if command.name not in names)]


def _loaded(value: str) -> Command:
    module, _, name = value.partition(":")
    command = getattr(import_module(module), name)
    if not isinstance(command, Command):
        raise TypeError(f"{value} is not a hushd_cli.command.Command")
    return command
