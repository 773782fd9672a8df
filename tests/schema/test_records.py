"""Messages, results and states are values: they do not change, and each field is given by its name."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import ModuleType

import hushd_protocol.messages.connection
import hushd_protocol.messages.lifecycle
import hushd_protocol.messages.work
import hushd_schema.results
import hushd_schema.status
import pytest

MODULES = (
    hushd_protocol.messages.connection,
    hushd_protocol.messages.lifecycle,
    hushd_protocol.messages.work,
    hushd_schema.results,
    hushd_schema.status,
)


def _records(module: ModuleType) -> Iterator[type]:
    for value in vars(module).values():
        if isinstance(value, type) and value.__module__ == module.__name__ and hasattr(value, "__dataclass_fields__"):
            yield value


@pytest.mark.parametrize(
    "kind", [kind for module in MODULES for kind in _records(module)], ids=lambda kind: kind.__name__
)
def test_a_record_does_not_change(kind: type) -> None:
    """A program may keep it, use it as a key and show it to another thread; a slip of the pen is an error."""
    record = object.__new__(kind)
    for name in (*kind.__dataclass_fields__, "no_such_field"):  # type: ignore[attr-defined]
        with pytest.raises((AttributeError, TypeError)):
            setattr(record, name, 1)
    assert not hasattr(record, "__dict__")


@pytest.mark.parametrize(
    "kind", [kind for module in MODULES for kind in _records(module)], ids=lambda kind: kind.__name__
)
def test_the_fields_of_a_record_have_names(kind: type) -> None:
    """So a field may be added anywhere, and nobody takes one for another."""
    ways = {each.kind for each in inspect.signature(kind).parameters.values()}
    assert ways <= {inspect.Parameter.KEYWORD_ONLY}
