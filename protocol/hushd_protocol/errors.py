"""Every error of hushd, in one table.

`HushdError` is the only exception that the public API raises on purpose; its `code` is a row of the table. If a
command works on several files, its exit code is the highest one that occurred. The scope says which other requests
would fail in the same way: none (`request`), those with the same options (`command`), or all on this machine
(`machine`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from hushd_protocol import JsonObject

# Some errors advise what a shell command can do for a person at a terminal; an HTTP client or an agent has other means.
# They carry the fact and the name of the advice, so that a front end puts it in its own words with `sentence`.
SHELL_ADVICE = {
    "list_voices": "`say -v '?'` lists them",
    "list_cards": "`hushd status` lists them",
    "write_file": "`say -o FILE` writes a file instead",
    "read_file": "`listen FILE` hears a recording",
}
_ADVICE = "advice"  # name in an error's detail


@dataclass(frozen=True, slots=True)
class Code:
    """One row of the table."""

    name: str
    culprit: str
    retryable: bool
    http: int
    exit: int
    scope: str


# Codes of errors that mean: there is no supervisor, or soon none.
UNANSWERED = ("no_supervisor", "supervisor_lost", "shutting_down")
BUSY = ("overloaded", "server_busy")  # busy with other requests
# Rows: the code, the culprit, whether it is retryable, HTTP status, exit code, scope, and when it occurs.
_TABLE = """
bad_request       client     no  400  2   command  wrong arguments, empty text, bad option
unsupported       client     no  400  2   command  an unknown operation, message or format
protocol_error    client     no  400  2   request  frames that are not hushd/1
version_mismatch  client     no  426  2   machine  another protocol version
unauthorised      client     no  401  2   machine  no token, or a key without this permission
too_large         client     no  413  2   request  a header, payload or input beyond its limit
no_speech         client     no  422  1   request  the microphone recorded no speech in time
input_unreadable  client     no  400  4   request  a missing, empty, truncated or corrupt input
other_language    client     no  422  4   request  no voice of the engine speaks the text's language
path_unreachable  client     yes 422  4   request  the worker cannot open the file by its path
deadline_exceeded client     yes 504  4   request  the request's own deadline passed
model_missing     machine    no  404  6   machine  the engine lacks the model's weights
engine_missing    machine    no  404  6   machine  an engine that is unknown or not installed
model_too_large   machine    no  507  6   machine  it needs more memory than all workers may take
overloaded        supervisor yes 429  7   request  the queue is full
server_busy       supervisor yes 503  7   request  no memory for another worker now
shutting_down     supervisor yes 503  3   request  the supervisor is leaving
supervisor_lost   supervisor yes 503  3   request  the supervisor went away in the middle
no_supervisor     supervisor yes 503  3   machine  none is running and none could be started
worker_failed     worker     yes 503  5   request  the worker crashes too often, or failed at a job
start_timeout     worker     yes 503  5   request  the worker made no progress while it loaded, twice
worker_crashed    worker     yes 502  5   request  the worker died under this request
worker_stopped    supervisor yes 503  5   request  the worker was stopped before the job had finished
poison_request    client     no  422  5   request  this request killed its worker twice
no_device         machine    no  500  8   request  no microphone or loudspeaker
output_failed     machine    no  500  9   machine  the output could not be written
slow_consumer     client     no  499  130 request  the client stood still, or read no results
cancelled         client     no  499  130 command  the client cancelled, or left
"""
CODES: dict[str, Code] = {
    name: Code(name, culprit, retryable == "yes", int(http), int(exit_code), scope)
    for name, culprit, retryable, http, exit_code, scope, _ in (
        row.split(None, 6) for row in _TABLE.strip().splitlines()
    )
}


def reason(error: BaseException) -> str:
    """The last line of a library's exception, to be used in a sentence: numpy's import error is a page long.
    For an OSError, its strerror."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, KeyError) and error.args:
        return f"{error} is missing"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1][:200].rstrip(". ") if lines else "") or type(error).__name__


@dataclass(eq=False)
class HushdError(Exception):
    """A failure with a row in the table: one sentence that says what happened and what to do.

    Attributes:
        code: a key of `CODES`.
        message: one sentence that a user can act on; never a traceback.
        retry_after_ms: the time after which to ask again, if known.
        detail: facts for debugging (a log's tail, an exit status); may be empty.
    """

    code: str
    message: str
    retry_after_ms: int | None = None
    detail: JsonObject = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.code not in CODES:
            # A code of another version: keep its sentence, and treat it as a failure of the worker.
            self.detail = {**self.detail, "code": self.code}
            self.code = "worker_failed"
        super().__init__(self.code, self.message)

    def __str__(self) -> str:
        return self.message

    @property
    def culprit(self) -> str:
        """`client`, `worker`, `supervisor` or `machine`."""
        return CODES[self.code].culprit

    @property
    def retryable(self) -> bool:
        """True if the same request may succeed later, unchanged."""
        return CODES[self.code].retryable

    @property
    def scope(self) -> str:
        """The reach of the failure: `request`, `command` or `machine`."""
        return CODES[self.code].scope

    @property
    def http_status(self) -> int:
        return CODES[self.code].http

    @property
    def exit_code(self) -> int:
        return CODES[self.code].exit


def leaf_errors(error: BaseException) -> Iterator[BaseException]:
    """Yields the errors of a group, at any depth; of any other error, the error itself."""
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from leaf_errors(member)
    else:
        yield error


@contextmanager
def os_errors_as(code: str, what: str, advice: str = "") -> Iterator[None]:
    """Makes an OSError of the block an error whose sentence is `what`, the system's reason and `advice`, both without
    a full stop."""
    try:
        yield
    except OSError as error:
        raise HushdError(code, f"{what} ({error.strerror}){f': {advice}' if advice else ''}.") from error


def advised(code: str, fact: str, advice: str) -> HushdError:
    """Returns an error whose sentence is `fact`, without a full stop, and `advice`, a key of `SHELL_ADVICE`."""
    return HushdError(code, f"{fact}: {SHELL_ADVICE[advice]}.", detail={_ADVICE: [fact, advice]})


def sentence(error: HushdError, words: Mapping[str, str]) -> str:
    """Returns the error's sentence with the advice in a front end's `words`; its message if these lack the advice."""
    match error.detail.get(_ADVICE):
        case [str(fact), str(advice)] if advice in words:
            return f"{fact}: {words[advice]}."
    return error.message
