"""The configuration file."""

from __future__ import annotations

from pathlib import Path

from hushd_protocol.errors import HushdError

from hushd_supervisor.core.settings import Settings


def load(path: Path) -> Settings:
    """Returns the settings in the file at `path`; the defaults when there is none.

    Raises:
        HushdError: `bad_request`, naming the file and the key, when it cannot be read or has an error.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except UnicodeDecodeError:
        raise HushdError("bad_request", f"{path} is not UTF-8.") from None
    except OSError as error:
        raise HushdError("bad_request", f"{path} cannot be read ({error.strerror}).") from error
    from hushd_models import toml  # without a file nobody needs these two, and they would stay in memory

    from .settings_reader import SettingsReader

    try:
        table = toml.loads(text)
    except ValueError as error:
        raise HushdError("bad_request", f"{path} is not TOML: {error}.") from error
    return SettingsReader(path).read(table)
