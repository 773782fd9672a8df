"""`hushd serve --as-openai`: what it prints, and that it ends with the supervisor."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hushd_gateway.as_openai import checks, outcome
from hushd_gateway.as_openai.outcome import Outcome, Refused
from support import moonshine_once
from support.peer import BOUND_S, CONFIG, Supervisor, wait_until

SERVE = [sys.executable, "-m", "hushd", "serve", "--as-openai"]
DOCUMENT = Path(__file__).parents[2] / "docs/FROM-OPENAI.md"
ECHO = f"stt = 'echo/a'\ntts = 'echo/a'\n{CONFIG}"


@contextmanager
def serving(runtime: Path, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command with its output in files; afterwards nothing of it runs, and it has complained about nothing."""
    with open(runtime / "out", "wb") as out, open(runtime / "err", "wb") as errors:
        process = subprocess.Popen([*SERVE, *arguments], stdout=out, stderr=errors, env=os.environ | environment)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(BOUND_S) == 0
        wait_until(lambda: not beside(process.pid), "the end of what runs beside the supervisor")
        assert "Traceback" not in (runtime / "err").read_text()


def beside(pid: int) -> list[str]:
    """The processes that belong to a command's session of checks: they keep its arguments."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            is_ours = b"hushd_gateway.as_openai" in (path / "cmdline").read_bytes()
            folder = f"HUSHD_RUNTIME_DIR={os.environ['HUSHD_RUNTIME_DIR']}\0".encode()
            if is_ours and int(path.name) != pid and folder in (path / "environ").read_bytes():
                found.append(path.name)
        except OSError:
            continue
    return found


def printed(runtime: Path, text: str) -> str:
    """The output once it has `text`."""
    wait_until(lambda: text in (runtime / "out").read_text(), text, 4 * BOUND_S)
    return (runtime / "out").read_text()


def refused(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """The exit status and both outputs of a command that ends at once."""
    found = subprocess.run(
        [*SERVE, *arguments], capture_output=True, text=True, check=False, env=os.environ | environment
    )
    return found.returncode, found.stdout, found.stderr


def test_each_kind_of_request_is_tried(runtime: Path) -> None:
    """The two lines to set; what the default engines can, and for what they cannot the command that brings it."""
    (runtime / "config.toml").write_text(moonshine_once.configuration())
    with serving(runtime, "--http", "127.0.0.1:0"):
        text = printed(runtime, "answered")
    assert re.search(r"\nexport OPENAI_BASE_URL=http://127\.0\.0\.1:[1-9]\d+/v1\nexport OPENAI_API_KEY=none\n", text)
    (lines_to_set,) = re.findall(r"   (export OPENAI_BASE_URL=.*)\n   (export .*)\n", DOCUMENT.read_text())
    assert "\n".join(lines_to_set) in re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8000", text)
    lines = dict(re.findall(r"^  (\S.*?)  +(\S.*)$", text, re.MULTILINE))
    assert list(lines) == [name for name, _ in checks.CHECKS]
    lacking = {"word times", "log probabilities", "translation"}
    for name, line in lines.items():
        if name in lacking:
            assert re.fullmatch(r"missing: (.+ && )?hushd models pull faster-whisper/small", line)
        else:
            assert line.startswith("ok "), (name, line)
    assert "Hello there, my friend" in lines["transcription"]
    assert "Hello there, my friend" in lines["realtime"]
    assert text.endswith(f"{len(lines) - 3} of {len(lines)} answered; 3 lack a model, which the command brings.\n")


def test_the_secret_is_not_shown(runtime: Path) -> None:
    """The requests carry the token, and the line has the variable that holds it."""
    (runtime / "config.toml").write_text(ECHO)
    with serving(runtime, "--http", "127.0.0.1:0", HUSHD_HTTP_TOKEN="s3cret"):
        text = printed(runtime, "answered")
    assert '\nexport OPENAI_API_KEY="$HUSHD_HTTP_TOKEN"\n' in text
    assert "s3cret" not in text + (runtime / "err").read_text()
    assert "hushd's token" not in text


def test_a_token_file_is_named_and_not_read_out(runtime: Path) -> None:
    """A shell reads it, also where its path has a space."""
    (runtime / "to ken").write_text("s3cret\n")
    (runtime / "to ken").chmod(0o600)
    (runtime / "config.toml").write_text(f"{ECHO}\n[http]\ntoken_file = '{runtime}/to ken'\n")
    with serving(runtime, "--http", "127.0.0.1:0"):
        text = printed(runtime, "answered")
    (line,) = [line for line in text.splitlines() if "OPENAI_API_KEY" in line]
    shell = subprocess.run(["sh", "-c", f"{line}; echo $OPENAI_API_KEY"], capture_output=True, text=True, check=True)
    assert shell.stdout == "s3cret\n"
    assert "s3cret" not in text


def test_a_running_supervisor_with_another_token_is_not_tried(
    runtime: Path, start_supervisor: Callable[..., Supervisor]
) -> None:
    """The token that it was started with is nobody's to show: one sentence instead of eleven failures."""
    assert start_supervisor(ECHO, environment={"HUSHD_HTTP_TOKEN": "s3cret"}).ready
    with serving(runtime, "--http", "127.0.0.1:0"):
        text = printed(runtime, "nothing was tried")
    assert "export OPENAI_API_KEY=TOKEN\n" in text


@pytest.mark.parametrize("moment", ["OPENAI_BASE_URL", "Open http"])
def test_ctrl_c_in_the_middle_ends_it_quietly(runtime: Path, moment: str) -> None:
    """No table is printed, no error, and no supervisor is started again for the request that was under way."""
    (runtime / "config.toml").write_text("")
    with serving(runtime, "--http", "127.0.0.1:0"):
        printed(runtime, moment)
    assert "answered" not in (runtime / "out").read_text()
    assert "failed" not in (runtime / "out").read_text()
    assert not (runtime / "client.sock").exists()


def test_an_address_that_is_taken_is_one_sentence(runtime: Path) -> None:
    """The supervisor's; nothing is tried at the other program's address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        status, out, error = refused("--http", f"127.0.0.1:{taken.getsockname()[1]}")
        assert (status, out, error.count("\n")) == (2, "", 1)
        assert "choose another address" in error
        taken.settimeout(0)
        with pytest.raises(BlockingIOError):
            taken.accept()
    wait_until(lambda: not beside(0), "the end of what runs beside the supervisor")


def test_what_cannot_be_served_so_is_one_sentence(runtime: Path) -> None:
    """No address, a socket's path alone, an address that is none, standard input."""
    for arguments, sentence in (
        ((), "--as-openai needs an address with a host and a port: add --http 127.0.0.1:8000."),
        (("--http", f"unix://{runtime}/web.sock"), "--as-openai needs an address with a host"),
        (("--http", "nonsense"), "'nonsense' is not an address for http"),
        (("--wyoming", "stdio://"), "stdio:// stands alone"),
    ):
        status, out, error = refused(*arguments)
        assert (status, out, error.count("\n")) == (2, "", 1), error
        assert sentence in error


def test_the_configurations_address_will_do(runtime: Path) -> None:
    """It is the one that `hushd serve` listens at where none is given."""
    (runtime / "config.toml").write_text(f'{ECHO}\n[http]\nlisten = ["unix://{runtime}/web.sock", "127.0.0.1:0"]\n')
    with serving(runtime):
        assert "export OPENAI_BASE_URL=http://127.0.0.1:" in printed(runtime, "answered")


def test_a_refusal_for_want_of_a_model_has_its_commands() -> None:
    """One line to paste; other refusals are sentences, and control characters of either do nothing to a terminal."""
    missing = outcome.refused(Refused("model_not_found", "No: x does once you have run `a b` and `c d` (5 MB)."))
    assert missing.line() == "missing: a b && c d"
    assert outcome.refused(Refused("invalid_value", "`x` is\x1b[2J wrong.")).line() == "failed: `x` is\\x1b[2J wrong."
    assert outcome.refused(Refused("shutting_down", "Gone.")).is_over
    assert Outcome("a\nb " + "c" * 200, 1.25, is_answered=True).line() == f"ok    1.2 s  a b {'c' * 75}…"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nRIFF?",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\nOops",
        b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nRIFF",
        b"SSH-2.0-nobody\r\n",
        b"",
    ],
)
def test_whatever_answers_the_checks_end(answer: bytes) -> None:
    """Another form, half an answer, another protocol, none at all: each is a sentence, and the rest is tried."""
    import threading

    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    end, _ = server.accept()
                except OSError:
                    return
                with end:
                    end.recv(65536)
                    end.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        trial = checks.Trial("127.0.0.1", server.getsockname()[1], "")
        outcomes = [trial.outcome(check) for _, check in checks.CHECKS]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(BOUND_S)
    assert not any(found.is_answered for found in outcomes)
    assert all(found.line().startswith("failed: ") for found in outcomes)
