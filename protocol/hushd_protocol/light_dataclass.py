"""`dataclass`, `field`, `fields` and `replace` as `dataclasses` has them, and `NamedTuple` and `get_type_hints` as
`typing` has them, for modules that every start loads.

The standard library compiles eight methods for each class as it is made, and needs `inspect` and the compiler's modules
for it: in a supervisor at rest, with 150 classes, 2 MB of memory and a third of the time of all imports. Here the
classes share their methods, and `__init__` is compiled when the first object of a class is made. `typing` compiles each
annotation of a tuple, and keeps it: half of what such a class costs a start.

Type checkers see `dataclasses` itself, whose functions, such as `asdict`, take these classes and their objects, too. A
class of either kind may derive from one of the other. What is missing: `order`, `unsafe_hash`, `KW_ONLY` and `InitVar`.
"""

from __future__ import annotations

import functools
import sys
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from typing import NamedTuple
else:

    class _TupleMaker(type):
        """Makes a class's heir a tuple with the names that it annotates."""

        def __new__(cls, name: str, bases: tuple[type, ...], content: dict[str, Any]) -> type:
            if not bases:
                return super().__new__(cls, name, bases, content)
            names = content["__annotations__"]
            defaults = [content.pop(each) for each in names if each in content]
            made = namedtuple(name, names, defaults=defaults, module=content["__module__"])
            for attribute, value in content.items():
                setattr(made, attribute, value)
            return made

    class NamedTuple(metaclass=_TupleMaker):
        pass


_MISSING: Any = type("MISSING", (), {"__repr__": lambda _: "MISSING"})()


class _Field(NamedTuple):
    """A field of a class; `default` and `default_factory` are MISSING where it has none."""

    default: Any = _MISSING
    default_factory: Any = _MISSING
    init: bool = True
    repr: bool = True
    compare: bool = True
    metadata: Mapping[str, Any] = MappingProxyType({})
    kw_only: bool = False
    name: str = ""
    type: Any = None


class _Own(NamedTuple):
    """The fields that a class adds to those of its bases: their annotations, defaults, and whether they go by name."""

    annotations: Mapping[str, Any]
    defaults: Mapping[str, Any]
    kw_only: bool
    frozen: bool

    def fields(self) -> Iterator[_Field]:
        for name, annotation in self.annotations.items():
            default = self.defaults.get(name, _MISSING)
            declared = default if isinstance(default, _Field) else _Field(default)
            yield declared._replace(name=name, type=annotation, kw_only=declared.kw_only or self.kw_only)


def _dataclass(
    made: type | None = None, /, *, frozen: bool = False, slots: bool = False, kw_only: bool = False, eq: bool = True
) -> Any:
    """Makes the class one with fields, by its annotations."""
    if made is None:
        return lambda made: _dataclass(made, frozen=frozen, slots=slots, kw_only=kw_only, eq=eq)
    content = dict(vars(made))
    annotations = {n: a for n, a in made.__annotations__.items() if not str(a).startswith(("ClassVar", "typing.Clas"))}
    defaults = {name: content[name] for name in annotations if name in content}
    inherited = getattr(made, "__match_args__", ())
    added = () if kw_only else tuple(name for name in annotations if name not in inherited)
    methods: dict[str, Any] = {
        "__own_fields__": _Own(annotations, defaults, kw_only, frozen),
        **_BRIDGES,
        "__match_args__": inherited + added,
    }
    if "__repr__" not in content:
        methods["__repr__"] = _repr
    if eq and "__eq__" not in content:
        methods["__eq__"] = _eq
    if eq and content.get("__hash__") is None:
        methods["__hash__"] = _hash if frozen else None
    if frozen:
        methods |= {"__setattr__": _refuse, "__delattr__": _refuse, "__setstate__": _set_state}
    made = _with_slots(made, content, annotations, methods) if slots else _with_attributes(made, defaults, methods)
    if "__init__" not in content:
        made.__init__ = _first_init  # type: ignore[misc]
    return made


def _with_slots(made: type, content: dict[str, Any], names: Mapping[str, Any], methods: Mapping[str, Any]) -> type:
    """The class anew, since slots can only be given to one when it is made."""
    taken = {slot for base in made.__mro__[1:-1] for slot in vars(base).get("__slots__", ())}
    for name in (*names, "__dict__", "__weakref__"):
        content.pop(name, None)
    content |= {**methods, "__slots__": tuple(name for name in names if name not in taken)}
    again = type(made)(made.__name__, made.__bases__, content)
    again.__qualname__ = made.__qualname__
    return again


def _with_attributes(made: type, defaults: Mapping[str, Any], methods: Mapping[str, Any]) -> type:
    for name, default in defaults.items():
        if isinstance(default, _Field):
            delattr(made, name)
            if default.default is not _MISSING:
                setattr(made, name, default.default)
    for name, method in methods.items():
        setattr(made, name, method)
    return made


def _fields(kind: Any) -> tuple[_Field, ...]:
    """The fields of a class, or of the class of an object: those of its bases first."""
    kind = kind if isinstance(kind, type) else type(kind)
    fields: dict[str, _Field] = {}
    for base in reversed(kind.__mro__):
        own = vars(base)
        if "__own_fields__" in own:
            fields.update((field.name, field) for field in own["__own_fields__"].fields())
        elif "__dataclass_fields__" in own:
            fields.update((field.name, field) for field in _of_standard(base))
    return tuple(fields.values())


def _of_standard(kind: Any) -> Iterator[_Field]:
    """The fields of a class that `dataclasses` has made."""
    import dataclasses

    for each in dataclasses.fields(kind):
        known = {name: getattr(each, name) for name in _Field._fields}
        yield _Field(**{name: value for name, value in known.items() if value is not dataclasses.MISSING})


def _replace(record: Any, /, **changes: Any) -> Any:
    given = (each.name for each in _fields(record) if each.init)
    return type(record)(**{name: getattr(record, name) for name in given if name not in changes}, **changes)


def values(record: Any) -> dict[str, Any]:
    """The values of a record's fields, by name; records among them stay records, which `asdict` would take apart."""
    return {each.name: getattr(record, each.name) for each in _fields(record)}


def get_type_hints(kind: type) -> dict[str, Any]:
    """The types of a class's fields, all by names that its module has."""
    return {each.name: _evaluated(each.type, kind.__module__) for each in _fields(kind)}


@functools.cache
def _evaluated(annotation: str, module: str) -> Any:
    return eval(annotation, vars(sys.modules[module]))


def _first_init(self: Any, /, *values: Any, **named: Any) -> None:
    kind = next(kind for kind in type(self).__mro__ if vars(kind).get("__init__") is _first_init)
    kind.__init__ = _compiled(kind)  # type: ignore[misc]
    kind.__init__(self, *values, **named)  # type: ignore[misc]


def _compiled(kind: Any) -> Callable[..., None]:
    """Compiles the `__init__` of a class, for its first object."""
    given: list[str] = []
    named: list[str] = []
    lines: list[str] = []
    known: dict[str, Any] = {"MISSING": _MISSING}
    for each in _fields(kind):
        name, value = each.name, each.name
        parameter = name
        if each.default is not _MISSING:
            known[f"default_{name}"] = each.default
            parameter = f"{name}=default_{name}"
            value = value if each.init else f"default_{name}"
        elif each.default_factory is not _MISSING:
            known[f"make_{name}"] = each.default_factory
            parameter = f"{name}=MISSING"
            value = f"make_{name}() if {name} is MISSING else {name}" if each.init else f"make_{name}()"
        elif not each.init:
            continue
        if each.init:
            (named if each.kw_only else given).append(parameter)
        if not kind.__own_fields__.frozen:
            lines.append(f" self.{name} = {value}")
        elif (set_slot := getattr(getattr(kind, name, None), "__set__", None)) is not None:
            known[f"set_{name}"] = set_slot
            lines.append(f" set_{name}(self, {value})")
        else:
            known["setattr_"] = object.__setattr__
            lines.append(f" setattr_(self, '{name}', {value})")
    if hasattr(kind, "__post_init__"):
        lines.append(" self.__post_init__()")
    parameters = ", ".join(["self", *given, *(["*", *named] if named else [])])
    exec(f"def __init__({parameters}):\n" + "\n".join(lines or [" pass"]), known)
    made: Callable[..., None] = known["__init__"]
    made.__qualname__ = f"{kind.__qualname__}.__init__"
    return made


# Function of each class that returns the values by which its objects are compared.
_COMPARED: dict[type, Callable[[Any], Any]] = {}


def _compared(kind: type) -> Callable[[Any], Any]:
    if kind not in _COMPARED:
        names = [each.name for each in _fields(kind) if each.compare]
        _COMPARED[kind] = attrgetter(*names) if names else lambda _: ()
    return _COMPARED[kind]


def _eq(self: Any, other: object) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    compared = _compared(self.__class__)
    return compared(self) == compared(other)


def _hash(self: Any) -> int:
    return hash(_compared(self.__class__)(self))


def _repr(self: Any) -> str:
    shown = (f"{each.name}={getattr(self, each.name)!r}" for each in _fields(self) if each.repr)
    return f"{self.__class__.__qualname__}({', '.join(shown)})"


def _refuse(self: Any, name: str, value: object = None) -> NoReturn:
    from dataclasses import FrozenInstanceError  # lazy: a bug alone needs it

    raise FrozenInstanceError(f"cannot change field {name!r}")


def _set_state(self: Any, state: Any) -> None:
    """Sets the values of a copy, or of an object from a pickle."""
    for values in state if isinstance(state, tuple) else (state,):
        for name, value in (values or {}).items():
            object.__setattr__(self, name, value)


class _Bridge:
    """The attributes by which `dataclasses` and `inspect` know a class, made when they look for one."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, _: object, kind: Any) -> Any:
        import dataclasses
        import inspect

        made = []
        for each in _fields(kind):
            options = {name: value for name, value in each._asdict().items() if value is not _MISSING}
            made.append((options.pop("name"), options.pop("type"), dataclasses.field(**options)))
        known: Any = dataclasses.make_dataclass(kind.__name__, made, frozen=kind.__own_fields__.frozen)
        known.__signature__ = inspect.signature(known)
        for name in _BRIDGES:
            setattr(kind, name, getattr(known, name))
        return getattr(kind, self._name)


_BRIDGES = {name: _Bridge(name) for name in ("__dataclass_fields__", "__dataclass_params__", "__signature__")}


if TYPE_CHECKING:
    from dataclasses import MISSING, dataclass, field, fields, replace
else:
    MISSING, dataclass, field, fields, replace = _MISSING, _dataclass, _Field, _fields, _replace

__all__ = ["MISSING", "NamedTuple", "dataclass", "field", "fields", "get_type_hints", "replace", "values"]
