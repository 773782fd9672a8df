"""A process of Ray as a client of its machine's supervisor."""

from __future__ import annotations

import mmap
import os
import pickle
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hushd_protocol.errors import HushdError

HOLDER = "ray"  # the clients' name in `hushd status`


def prepare() -> None:
    """Takes out of the environment what Ray has set for this process alone; a supervisor that it starts inherits it.

    Ray's tasks get as many threads as the CPUs that they reserve, and no graphics card: the engines run in the
    supervisor's workers, which share the whole machine.
    """
    os.environ.pop("OMP_NUM_THREADS", None)
    if os.environ.get("CUDA_VISIBLE_DEVICES") == "":
        del os.environ["CUDA_VISIBLE_DEVICES"]


def mapped(path: str | os.PathLike[str]) -> pickle.PickleBuffer:
    """A file's bytes for Ray's object store, which copies them from the page cache, through nobody's heap."""
    with open(path, "rb") as file:
        return pickle.PickleBuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


@contextmanager
def as_file(data: bytes | memoryview, name: str = "The recording") -> Iterator[Path]:
    """A temporary file with `data`, removed at the end: a worker opens it by its path, and may seek in it.

    Args:
        name: stands in errors instead of the path, which means nothing to whoever sent the data.
    """
    with ExitStack() as stack:
        try:
            file = stack.enter_context(
                tempfile.NamedTemporaryFile(prefix="hushd-ray-", suffix=Path(name).suffix, buffering=0)
            )
            view = memoryview(data)
            while view:
                view = view[file.write(view) :]
        except OSError as error:
            raise HushdError(
                "output_failed", f"{name} cannot be stored ({error.strerror}): make room in the temporary folder."
            ) from error
        try:
            yield Path(file.name)
        except HushdError as error:
            error.message = error.message.replace(repr(file.name), name).replace(file.name, name)
            raise
