"""The ssh connection that forwards a socket to the other machine: kept alive, and restored when lost."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from hushd_protocol.errors import HushdError, os_errors_as

from . import ssh

LOGIN_S = 120.0  # the user may have to type a password
FORWARD_S = 10.0
TUNNEL_BEAT_INTERVAL_S = 0.25
DEAD_S = 2.0  # seconds without an echo
SSH_END_TIMEOUT_S = 1.0  # seconds for ssh to end
MARK = "hushd-attached "
# The script there, for sh: the folder is the one of programs there, as in `paths.find`. It echoes beats, and removes
# the socket's file whenever the connection ends.
_SCRIPT = """umask 077
d=$HUSHD_RUNTIME_DIR
if [ -z "$d" ]; then
  for s in "$XDG_RUNTIME_DIR" "/run/user/$(id -u)"; do
    if [ -z "$d" ] && [ -n "$s" ] && [ -d "$s" ] && [ -O "$s" ]; then d=$s/hushd; fi
  done
fi
[ -n "$d" ] || d=${TMPDIR:-/tmp}/hushd-$(id -u)
mkdir -p "$d/attached" && [ -O "$d" ] && [ ! -L "$d" ] && case $(ls -ld "$d") in drwx------*) ;; *) false;; esac || {
  echo "hushd-folder $d"; exit 73; }
s=$d/attached/NAME
rm -f "$s"
echo "MARK$s"
cat
rm -f "$s"
"""


class Tunnel:
    """One connection of ssh to `host`, made by `open`.

    Args:
        command: ssh, with options.
        local: the socket to forward.
        control: the path of ssh's control socket.
        name: of the socket there.
    """

    def __init__(self, command: Sequence[str], host: str, local: Path, control: Path, name: str) -> None:
        self._ssh = [*command, "-o", f"ControlPath={control}"]
        self._host = host
        self._local = local
        self._control = control
        self._name = name
        self._process: subprocess.Popen[bytes] | None = None
        self._errors = b""

    def open(self) -> None:
        """Logs in and forwards the socket. Raises HushdError `no_device`, in one sentence, with the cause."""
        with suppress(OSError):
            self._control.unlink()
        options = ["-o", "ControlMaster=yes", "-o", "ControlPersist=no", *ssh.options(prompts=os.isatty(0))]
        script = _SCRIPT.replace("NAME", self._name).replace("MARK", MARK)
        with os_errors_as("no_device", "ssh cannot be run", "install it"):
            self._process = subprocess.Popen(
                [*self._ssh, *options, self._host, ssh.script(script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=not os.isatty(0),
            )
        self._forward(self._folder())

    def _folder(self) -> str:
        """The path of the socket there, once ssh has logged in."""
        output, give_up = b"", time.monotonic() + LOGIN_S
        while not (line := _line(output)):
            piece = self._read(give_up - time.monotonic())
            if not piece:
                raise self._failed()
            output += piece
        if not line.startswith(MARK):
            raise self._refused(f"the folder {line.partition(' ')[2]} there is not the user's alone (mode 0700)")
        return line.removeprefix(MARK)

    def _forward(self, path: str) -> None:
        forward = ["-O", "forward", "-R", f"{path}:{self._local}", self._host]
        try:
            answer = subprocess.run(
                [*self._ssh, *forward], capture_output=True, stdin=subprocess.DEVNULL, timeout=FORWARD_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise self._refused("it does not answer") from error
        if answer.returncode:
            raise self._refused(
                "its sshd forwards no sockets: AllowStreamLocalForwarding must be yes in its sshd_config"
            )

    def keep(self, on_round_trip: Callable[[float], None]) -> None:
        """Returns when the connection is lost, or when ssh has been frozen for `DEAD_S`."""
        assert self._process is not None
        assert self._process.stdin is not None
        answered = time.monotonic()
        while True:
            began = time.monotonic()
            try:
                self._process.stdin.write(b".\n")
            except OSError:
                return
            echo = self._read(TUNNEL_BEAT_INTERVAL_S)
            if echo == b"":
                return
            now = time.monotonic()
            if echo is not None:
                on_round_trip(now - began)
                answered = now
                time.sleep(max(0.0, TUNNEL_BEAT_INTERVAL_S - (now - began)))
            elif now - answered >= DEAD_S:
                return

    def close(self, patience: float = SSH_END_TIMEOUT_S) -> None:
        """Ends ssh within `patience` seconds; the script there removes its socket."""
        if (process := self._process) is None:
            return
        self._process = None
        pipes = [pipe for pipe in (process.stdin, process.stdout, process.stderr) if pipe]
        with suppress(OSError):
            pipes[0].close()  # this ends the script there, and then ssh
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in pipes[1:]:
            pipe.close()
        with suppress(OSError):
            self._control.unlink()

    def _read(self, seconds: float) -> bytes | None:
        """Returns the output of the script there; empty once it has ended, None on timeout."""
        assert self._process is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        outputs, give_up = [self._process.stdout, self._process.stderr], time.monotonic() + seconds
        while outputs:
            ready = select.select(outputs, [], [], max(0.0, give_up - time.monotonic()))[0]
            if not ready:
                return None
            if self._process.stderr in ready:
                piece = os.read(self._process.stderr.fileno(), 4096)
                self._errors = (self._errors + piece)[-4096:]
                if not piece:
                    outputs.remove(self._process.stderr)
            if self._process.stdout in ready:
                piece = os.read(self._process.stdout.fileno(), 4096)
                if piece or self._process.stderr not in outputs:
                    return piece
                outputs.remove(self._process.stdout)
        return b""

    def _failed(self) -> HushdError:
        return self._refused(ssh.reason(self._errors, self._host))

    def _refused(self, reason: str) -> HushdError:
        return HushdError("no_device", f"{self._host} cannot be attached to: {ssh.ended(reason)}")


def _line(output: bytes) -> str:
    """Returns the script's line, without a profile's output before it."""
    for line in output.decode(errors="replace").split("\n")[:-1]:
        if line.startswith((MARK, "hushd-folder ")):
            return line
    return ""
