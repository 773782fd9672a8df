"""`hushd mcp`: a pipe from a host's standard input to the process that serves MCP over HTTP, and back.

What needs no work (`initialize`, `ping`, the lists) is answered here, so that a host which only starts waits for no
import. The first other request finds that process or starts it. Each line is a POST, and the events of its answer are
lines again. Where the process has left, the next request begins the host's session with another; one that was under way
is answered by an error.

The main thread reads the host's lines, a second one sends them in their order, and each answer has one that reads it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from queue import SimpleQueue

from . import greeting
from .link import ENDED, GONE, TRIES, Answer, Link, Request

_BROKEN_PIPE = 128 + 13
_OUTPUT_FAILED = 9
_CANCELLED_TIMEOUT_S = 1.0  # seconds for the end of a cancelled request, whose id the host may use again
_PREPARED = os.path.join(os.path.dirname(__file__), "prepared.json")


class Call:
    """A request of the host's. `link` and `request` are set once it is on its way."""

    def __init__(self, message: dict[str, object], line: bytes) -> None:
        self.id = message["id"]
        self.method = message["method"]
        self.line = line
        self.link: Link | None = None
        self.request: Request | None = None
        self.ended = threading.Event()


class Pipe:
    """The session of one host."""

    def __init__(self, options: dict[str, str]) -> None:
        self._options = options
        self._about: dict[str, object] = json.loads(options["session"])
        self._initialize = b""  # the host's line, sent to each process
        self._greeted = False  # it was answered here
        self._calls: dict[object, Call] = {}  # those without an answer, by id
        self._link: Link | None = None
        self._unsent: SimpleQueue[tuple[bytes, Call | None, Call | None]] = SimpleQueue()
        self._writing, self._settling = threading.Lock(), threading.Lock()

    def run(self) -> None:
        """Serves until the host closes standard input."""
        threading.Thread(target=self._send_all, daemon=True).start()
        for line in sys.stdin.buffer:
            self._take(line)

    # --- the host ----------------------------------------------------------------------------------------------------

    def _take(self, line: bytes) -> None:
        """Answers a line of the host's, or has it sent."""
        message = greeting.read(line)
        if message is None:
            error = {"code": greeting.PARSE_ERROR, "message": greeting.SENTENCE}
            self._write({"jsonrpc": "2.0", "id": greeting.id_in(line), "error": error})
        elif len(line) > greeting.MAX_MESSAGE_BYTES:
            error = {"code": greeting.INVALID_REQUEST, "message": greeting.TOO_LONG}
            self._write({"jsonrpc": "2.0", "id": greeting.id_in(line), "error": error})
        elif fault := greeting.id_fault(message, self._calls):
            self._write({"jsonrpc": "2.0", "id": None, "error": {"code": greeting.INVALID_REQUEST, "message": fault}})
        elif answer := self._prepared(message, line):
            self._write({"jsonrpc": "2.0", "id": message["id"]} | answer)
        elif "method" in message and "id" in message:
            call = self._calls[message["id"]] = Call(message, line)
            self._unsent.put((line, call, None))
        else:
            with self._settling:
                cancelled = self._calls.pop(greeting.cancelled(message), None)
            if cancelled or self._link:  # else there is nothing that it could be about
                self._unsent.put((line, None, cancelled))

    def _prepared(self, message: dict[str, object], line: bytes) -> dict[str, object] | None:
        """Returns the answer to a request that needs no work; None for any other message."""
        method = message.get("method")
        if method == "initialize" and not self._initialize:
            result = greeting.answer(message, self._options["version"], self._options["speaks"])
            self._initialize, self._greeted = line, result is not None
            return result
        if method == "ping" and not self._initialize and greeting.is_plain(message):
            return {"result": {}}
        if not self._greeted or not (method in ("ping", "logging/setLevel") or str(method).endswith("/list")):
            return None
        with open(_PREPARED, encoding="utf-8") as file:
            text = file.read().replace(greeting.USUAL_LANGUAGES, self._options["languages"])
        prepared: dict[str, object] | None = json.loads(text).get(method)
        if prepared is None or not ("id" in message and ("error" in prepared or greeting.is_plain(message))):
            return None
        if method == "tools/list":
            self._about["resumable"] = True
        return prepared

    def _write(self, message: dict[str, object]) -> None:
        """Writes to the host; where that is impossible, the pipe ends."""
        data = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        try:
            with self._writing:
                while data:
                    data = data[os.write(1, data) :]
        except BrokenPipeError:  # the host has gone
            os._exit(_BROKEN_PIPE)
        except OSError as error:
            print(f"hushd mcp: Standard output cannot be written ({error.strerror}).", file=sys.stderr)
            os._exit(_OUTPUT_FAILED)

    # --- the process that serves -------------------------------------------------------------------------------------

    def _send_all(self) -> None:
        while True:
            line, call, cancelled = self._unsent.get()
            try:
                if call is None:
                    self._tell(line, cancelled)
                elif self._calls.get(call.id) is call:  # it was not cancelled meanwhile
                    self._send(call)
            except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: no thread can be started
                if call and call.link:
                    call.link.part()  # the process has died: the next call must not wait for `watch` to see it
                    self._fail(call, call.link.fault)
                elif call:
                    self._fail(call, f"cannot be reached ({getattr(error, 'strerror', None) or error})")

    def _tell(self, line: bytes, cancelled: Call | None) -> None:
        """Sends a message that is not a request. By 2026's protocol the end of its connection cancels a request."""
        if cancelled and cancelled.request and not self._initialize:
            cancelled.request.hang_up()
        elif (cancelled is None or cancelled.request) and self._link and not self._link.fault:
            try:
                self._link.tell(line)
            except OSError:  # its path is another's: the session ends, and what was cancelled with it
                self._link.part()
        if cancelled and cancelled.request:
            cancelled.ended.wait(_CANCELLED_TIMEOUT_S)

    def _send(self, call: Call) -> None:
        for left in reversed(range(TRIES)):
            try:
                if self._link is None or self._link.fault:
                    self._link = Link(self._options["place"], self._options["log"], self._about)
                    threading.Thread(target=self._link.watch, daemon=True).start()
                    self._about["resumable"] = True  # a host that needs a second process is not there for one call
                link = self._link
                if self._initialize and call.line is not self._initialize:
                    link.begin(self._initialize)
                request = link.send(call.line)
                call.link, call.request = link, request
                break
            except OSError:
                if self._link:
                    self._link.part()
                if not left:
                    raise
        # An answer within a session begins at once: whatever the host sends next finds the call there.
        answer = link.answer(request) if self._initialize else None
        threading.Thread(target=self._read, args=(link, call, request, answer), daemon=True).start()

    def _read(self, link: Link, call: Call, request: Request, answer: Answer | None) -> None:
        """Passes the messages of an answer on, unless the call was cancelled."""
        fault = ""
        try:
            answer = answer or link.answer(request)
            if answer.status == GONE:
                link.part()
                self._unsent.put((call.line, call, None))
                return
            for message in answer.messages():
                if "method" not in message and self._settles(call):
                    self._write(message | {"id": call.id})  # an error may come without it
                elif self._calls.get(call.id) is call:
                    self._write(message)
        except OSError:
            pass
        except ValueError:
            fault = f"refuses it (HTTP {answer.status})" if answer else ""
        finally:
            link.done(request)
            call.ended.set()
        if not fault and self._calls.get(call.id) is call:
            link.part()  # the process has died, as above
        self._fail(call, fault or link.fault or ENDED)

    def _settles(self, call: Call) -> bool:
        """Returns whether a call has had neither an answer nor a cancellation, and frees its id."""
        with self._settling:
            if self._calls.get(call.id) is not call:
                return False
            del self._calls[call.id]
            return True

    def _fail(self, call: Call, fault: str) -> None:
        """Answers a call by an error, unless it was answered or cancelled."""
        if not self._settles(call):
            return
        sentence = (
            f"The process for calls of tools {fault}: call again, and see {self._options['log']} if that does not help."
        )
        message: dict[str, object] = {"jsonrpc": "2.0", "id": call.id}
        if call.method != "tools/call":
            self._write(message | {"error": {"code": greeting.INTERNAL_ERROR, "message": sentence}})
            return
        reason = {"code": "worker_failed", "message": sentence, "retryable": True}
        result = {
            "content": [{"type": "text", "text": sentence}],
            "structuredContent": {"state": "failed", "error": reason},
            "isError": True,
        }
        era = {} if self._initialize else {"resultType": "complete"}  # the protocol of 2026 has no handshake
        self._write(message | {"result": result | era})


def main() -> None:
    """Runs the pipe, with the options from the last argument. Its end, also by a signal, closes its connections, by
    which the process ends all of the host's calls."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback
    for stream in (0, 1):  # a terminal, or the host, may have made them non-blocking
        os.set_blocking(stream, True)
    Pipe(json.loads(sys.argv[-1])).run()
    os._exit(0)
