"""Those sources of the package for Node.js that hushd's own vocabulary makes."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping

from hushd_protocol import __version__
from hushd_protocol.errors import CODES
from hushd_schema.operation import Field
from hushd_schema.operations.synthesize import SynthesizeOptions
from hushd_schema.operations.transcribe import TRANSCRIBE, TranscribeOptions

FOLDER = "packaging/npm/hushd"
_HEAD = "// Made by scripts/packages from hushd's own sources.\n\n"
_SCALARS = {str: "string", int: "number", float: "number", bool: "boolean"}
_SAID_BY_METHODS = ("format", "rate", "channels", "live", "timeline")


def files() -> dict[str, str]:
    """The files by their paths in the repository."""
    return {f"{FOLDER}/src/options.ts": _options(), f"{FOLDER}/src/vocabulary.ts": _vocabulary()}


def _vocabulary() -> str:
    codes = "\n".join(f"  '{code}'," for code in CODES)
    return (
        f"{_HEAD}/** The version of this package, which is hushd's. */\nexport const VERSION = '{__version__}';\n\n"
        f"/** The codes of docs/PROTOCOL.md, section 9. */\nexport const CODES = [\n{codes}\n] as const;\n"
    )


def _options() -> str:
    live = {name: field for name, field in TRANSCRIBE.fields.items() if name not in TranscribeOptions.__annotations__}
    return _HEAD + "\n".join(
        (
            _interface("TranscribeOptions", "Options of a transcription.", _annotated(TranscribeOptions)),
            _interface("LiveOptions", "Options of live audio.", {name: (None, field) for name, field in live.items()}),
            _interface("SynthesizeOptions", "Options of a speech.", _annotated(SynthesizeOptions)),
        )
    )


def _annotated(options: type) -> dict[str, tuple[object, Field]]:
    """The annotation and the field of each option."""
    hints = typing.get_type_hints(options, include_extras=True)
    return {name: (hint.__origin__, hint.__metadata__[0]) for name, hint in hints.items()}


def _interface(name: str, summary: str, fields: Mapping[str, tuple[object, Field]]) -> str:
    lines = [f"/** {summary} Those left out are the engine's choice. */", f"export interface {name} {{"]
    for option, (hint, field) in fields.items():
        if option not in _SAID_BY_METHODS or (hint and option == "channels"):
            first, *rest = option.split("_")
            about = _about(field)
            lines += [f"  /** {about}. */", f"  {first}{''.join(map(str.capitalize, rest))}?: {_type(hint, field)};"]
    return "\n".join([*lines, "}\n"])


def _about(field: Field) -> str:
    """Its row in the reference, as a sentence of this package's."""
    about = (
        field.about.removeprefix("with `live`: ")
        .replace("rom Python", "rom here")
        .replace("see below", "by whisper's names")
    )
    return about[0].upper() + about[1:]


def _type(hint: object, field: Field) -> str:
    """The type of an option, by its schema where that names one, else by its annotation."""
    if names := field.kind.form.get("enum"):
        return " | ".join(f"'{name}'" for name in names)
    named = {"integer": "number", "number": "number", "boolean": "boolean"}.get(str(field.kind.form.get("type")))
    return named or (_typescript(hint) if hint else "string")


def _typescript(hint: object) -> str:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, type) and hint in _SCALARS:
        return _SCALARS[hint]
    if origin is Iterable:
        return f"{_typescript(arguments[0])}[]"
    if origin is Mapping:
        return f"Record<string, {_typescript(arguments[1])}>"
    if arguments:
        return " | ".join(_typescript(each) for each in arguments if each is not type(None))
    return "unknown"
