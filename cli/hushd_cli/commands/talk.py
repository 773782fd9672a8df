"""`hushd talk`: speaks the lines of a person or a program, and prints the spoken answers."""

from __future__ import annotations

import math
import os
import queue
import signal
import subprocess
import threading
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hushd.client import Client
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import PRIORITIES
from hushd_protocol.suggest import Styled, escaped
from hushd_schema.operations.synthesize import SYNTHESIZE
from hushd_schema.operations.transcribe import BY_MEANING, TRANSCRIBE

from hushd_cli.arguments import Parser
from hushd_cli.commands.listen.microphone import unfinished
from hushd_cli.commands.say import input
from hushd_cli.terminal import console

if TYPE_CHECKING:
    from hushd.dialogue.conversation import Conversation
    from hushd.dialogue.listener import Mode
    from hushd.transcripts.transcript import Transcript

_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"
_SIGN = "●"  # shown once speech is heard
LEAVE_S = 2.0  # for a program to exit once its conversation is over
DRAIN_S = 0.5  # to read a program's last output before its end


def main(prog: str, argv: Sequence[str]) -> int:
    options = _parse(prog, argv)
    screen = console.StatusLine()
    mode: Mode = "headphones" if options.headphones else "half" if options.half_duplex else "auto"
    speaking = {"voice": options.voice, "wpm": options.wpm, "language": options.language}
    speaking |= {"markup": "markdown" if options.markdown else None}
    console.silence_libraries()
    with (
        Client(holder="cli") as client,
        client.conversation(
            mode=mode,
            priority=options.priority,
            loudspeaker=options.audio_device,
            microphone=options.device,
            speaking={name: value for name, value in speaking.items() if value is not None},
            listening={
                "silence_s": options.silence_s,
                "turn_end": options.turn_end,
                "until": options.until,
                "no_speech_s": options.no_speech_s,
            },
            on_note=console.note,
            on_heard=lambda text: screen.show(lambda columns: unfinished("", text, columns)),
            duck=options.duck,
            on_listen=lambda: screen.show(lambda columns: unfinished(_SIGN, " listening", columns)),
        ) as talk,
    ):
        try:
            if options.program:
                return _with_program(talk, screen, options.program)
            _with_lines(talk, screen)
        except KeyboardInterrupt:  # the usual end
            pass
        finally:
            screen.clear()
    return 0


def _parse(prog: str, argv: Sequence[str]) -> Namespace:
    options = make_parser(prog).parse(argv, "program")
    if options.headphones and options.half_duplex:
        raise HushdError("bad_request", "--headphones lets it listen while speaking: leave out --half-duplex.")
    return options


def make_parser(prog: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(
        prog,
        "Hold a spoken conversation: speak each line of standard input and print the answer. With PROGRAM, speak its "
        "output and send it the answers, a line each. Ctrl-C ends it.",
    )
    parser.add_argument("program", nargs="*", metavar="PROGRAM", help="a program with its arguments, after --")
    parser.add_argument("--headphones", action="store_true", help="the microphone cannot hear the loudspeaker")
    parser.add_argument("--half-duplex", action="store_true", help="do not listen while speaking")
    parser.add_fields(parser, SYNTHESIZE, ["voice"], help="the voice; `say -v '?'` lists the voices")
    parser.add_fields(parser, SYNTHESIZE, ["wpm", "language"])
    parser.add_argument("--markdown", action="store_true", help="the text is Markdown, as agents write it")
    parser.add_argument("-a", "--audio-device", metavar="NAME", help="the loudspeaker; `say -a '?'` lists them")
    parser.add_argument(
        "--microphone", dest="device", metavar="NAME", help="the microphone; `listen -a '?'` lists them"
    )
    listening = TRANSCRIBE.defaults()
    parser.add_fields(parser, TRANSCRIBE, ["silence_s"], listening["silence_s"])
    parser.add_fields(parser, TRANSCRIBE, ["turn_end"], BY_MEANING, help="what ends an answer; default: meaning")
    parser.add_fields(parser, TRANSCRIBE, ["until"])
    parser.add_fields(
        parser,
        TRANSCRIBE,
        ["no_speech_s"],
        listening["no_speech_s"],
        help="how long to wait for an answer to begin; default: 30",
    )
    parser.add_argument(
        "--priority", choices=PRIORITIES, default="text", help="the rank of this conversation; default: text"
    )
    parser.add_no_duck(parser)
    return parser


def _show_heard(screen: console.StatusLine, text: str) -> None:
    """Prints the person's words, the result of a conversation; on a terminal they stand out among the program's."""
    screen.clear()
    console.write(Styled(f"{_BOLD}> {escaped(text)}{_PLAIN}\n") if os.isatty(1) else f"{text}\n")


def _show_said(screen: console.StatusLine, text: str) -> None:
    """Prints the program's words, on a terminal only."""
    if os.isatty(1):
        screen.clear()
        console.write(f"{text.strip()}\n")


# --- lines ------------------------------------------------------------------------------------------------------------


def _with_lines(talk: Conversation, screen: console.StatusLine) -> None:
    """Speaks the lines of standard input; an empty one only listens."""
    if os.isatty(0):
        console.note("Type what to say; an empty line only listens. Ctrl-C ends.")
    for line in input.lines():
        try:
            answer = talk.converse(line.decode(errors="replace")) if line.strip() else talk.listen()
        except HushdError as error:
            if error.code not in ("no_speech", "bad_request"):
                raise
            console.complain(error.message)  # the error of one line; the next may succeed
            continue
        _show_heard(screen, answer.text)


# --- a program --------------------------------------------------------------------------------------------------------


class Partner:
    """A program in a conversation: it reads the user's words and writes its answers, line by line.

    Args:
        on_line: called on another thread for each written line, and at the end of its output.

    Raises:
        HushdError: `bad_request` if it cannot be started.
    """

    def __init__(self, command: Sequence[str], on_line: Callable[[], None]) -> None:
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=console.errors()
            )
        except OSError as error:
            raise HushdError("bad_request", f"{command[0]!r} cannot be started ({error.strerror}).") from error
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._ended = False
        self._on_line = on_line
        self._reader = threading.Thread(target=self._read, name="hushd-partner", daemon=True)
        self._reader.start()
        threading.Thread(target=self._wait, name="hushd-partner-end", daemon=True).start()

    def wants_to_say(self) -> str | None:
        """Returns its output since the last call; None once it has ended."""
        text = ""
        while not self._lines.empty():
            line = self._lines.get()
            self._ended |= line is None
            text += line or ""
        return None if self._ended and not text.strip() else text

    def tell(self, text: str) -> None:
        """Writes the text to its input, as a line. Safe to call after its end."""
        assert self._process.stdin
        try:
            self._process.stdin.write(f"{text}\n".encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            pass

    def end(self) -> int:
        """Ends the program, gently first; returns its exit code, 128 plus the number of a signal that ended it."""
        assert self._process.stdin
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass
        for signal_number in (0, signal.SIGTERM, signal.SIGKILL):
            if signal_number:
                self._process.send_signal(signal_number)
            try:
                status = self._process.wait(LEAVE_S)
                return status if status >= 0 else 128 - status
            except subprocess.TimeoutExpired:
                continue
        raise AssertionError("SIGKILL was survived")

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put(line.decode(errors="replace"))
            self._on_line()
        self._end_lines()

    def _wait(self) -> None:
        """Waits for the program's end, even if a child keeps its output open."""
        self._process.wait()
        self._reader.join(DRAIN_S)
        self._end_lines()

    def _end_lines(self) -> None:
        self._lines.put(None)
        self._on_line()


def _said(talk: Conversation, text: str) -> Transcript | None:
    """Speaks the text; returns the words of a person who interrupted, if any."""
    try:
        return talk.say(text).heard
    except HushdError as error:
        if error.code != "bad_request":
            raise
        console.complain(error.message)  # such as for a line without words; the program continues
        return None


def _with_program(talk: Conversation, screen: console.StatusLine, command: Sequence[str]) -> int:
    """Speaks the output of the program, and listens while there is none; returns its exit code."""
    partner = Partner(command, talk.call_off)
    try:
        while (text := partner.wants_to_say()) is not None:
            if text.strip():
                _show_said(screen, text)
                answer = _said(talk, text)
                if answer is not None:
                    partner.wants_to_say()  # the rest of the interrupted text
            else:
                answer = talk.listen(no_speech_s=math.inf)
            screen.clear()
            if answer is not None and answer.text:
                _show_heard(screen, answer.text)
                partner.tell(answer.text)
    except BaseException:
        partner.end()
        raise
    return partner.end()
