"""`hushd welcome`, and `hushd` alone where it has never run: prints eight lines, and speaks one if there is a
loudspeaker."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from hushd_models.installation import extra_command
from hushd_models.recommendation import Hardware, Recommendation, here, recommend
from hushd_protocol.errors import HushdError
from hushd_protocol.system import best_effort, paths

from hushd_cli.arguments import Parser
from hushd_cli.commands.models.recommend import ModelIndex, session_language
from hushd_cli.terminal import console

_SENTENCE = "Hello. This is the voice that your programs have now."
_NEXT = (
    ('say "The build is green."', "speaks"),
    ("listen", "writes down what you say, until you pause"),
    ("hushd agents hook install claude", "has Claude Code read its answers aloud"),
)


def main(prog: str, argv: Sequence[str]) -> int:
    make_parser(prog).parse_args(argv)
    index, language = ModelIndex(), session_language()
    machine, rows = here(index.paths.models), index.rows()
    hearing, speaking = (recommend(rows, machine, language, role) for role in ("stt", "tts"))
    console.write("\n".join([*lines(language, machine, hearing, speaking), ""]))
    with best_effort.writing(index.paths.state):
        paths.make_state(index.paths)  # from now on `hushd` alone lists the commands
    try:
        if _present(speaking) and _has_loudspeaker():
            _speak()
    except HushdError:
        pass  # the lines matter more, and `hushd doctor` finds the fault
    return 0


def make_parser(prog: str) -> Parser:
    """Returns the command's parser."""
    return Parser(
        prog,
        "Show the installed parts, a better model for this machine, and three commands to begin with. `hushd` alone "
        "does so on a terminal if hushd has never run.",
    )


def lines(
    language: str, machine: Hardware, hearing: Sequence[Recommendation], speaking: Sequence[Recommendation]
) -> list[str]:
    """Returns the eight lines.

    Args:
        hearing, speaking: the models recommended for the language, the best first.
    """
    wide = max(len(command) for command, _ in _NEXT)
    return [
        "hushd gives programs on this machine a voice and ears, and takes no memory while nobody needs them.",
        _here(language, hearing, speaking),
        *_better(language, machine, hearing),
        *(f"  $ {command:{wide}}  {does}" for command, does in _NEXT),
        "`hushd --help` lists all commands, `hushd doctor` looks for faults, `hushd welcome` shows this again.",
    ]


def _here(language: str, hearing: Sequence[Recommendation], speaking: Sequence[Recommendation]) -> str:
    """Returns the installed models; if there are none, the command that gets the default ones."""
    hears, speaks = _present(hearing), _present(speaking)
    parts = [f"{hears.row.model} hears {language}"] if hears else []
    parts += [f"{speaks.row.model} speaks {language}"] if speaks else []
    return f"Here: {', '.join(parts)}." if parts else f"No model for {language} is here yet: {extra_command('default')}"


def _present(models: Sequence[Recommendation]) -> Recommendation | None:
    return next((model for model in models if not model.commands), None)


def _better(language: str, machine: Hardware, hearing: Sequence[Recommendation]) -> tuple[str, str]:
    """Returns the machine, and its best speech-to-text model with the commands in one line."""
    this = f"This machine ({machine.cores} cores, {machine.memory_mb / 1000:.0f} GB for models)"
    if not hearing:
        return f"{this} hears other languages:", "  $ hushd models list stt"
    if not hearing[0].commands:
        return f"{this} has the best model that fits it; the others:", "  $ hushd models recommend"
    best = hearing[0]
    size = f"{best.known.size_mb} MB"
    return (
        f"The best speech-to-text model for this machine is {best.row.model} ({size}):",
        f"  $ {f'hushd get {language}' if language != 'en' else ' && '.join(best.commands)}",
    )


def _has_loudspeaker() -> bool:
    if find_spec("sounddevice") is None:
        return False
    from hushd.audio import devices

    return bool(devices.devices(devices.load(), "loudspeaker"))


def _speak() -> None:
    from hushd_cli.commands.say import command

    command.main("say", [_SENTENCE])
