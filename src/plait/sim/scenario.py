"""Scenarios: configurations with a script, in files; some come with Plait.

A scenario is the TOML of a `Config`. The comment that it begins with says what it is about. What
is bundled stands in `scenarios/`, one failure of a real system in each; every one of them holds.
"""

from importlib.resources import files
from pathlib import Path

import msgspec

from plait.base.errors import BadSettings
from plait.sim.config import Config, load_config

_BUNDLED = files("plait.sim") / "scenarios"


class Scenario(msgspec.Struct, frozen=True):
    """A configuration that has a name, and what it is about."""

    name: str
    about: str
    config: Config


def bundled() -> list[Scenario]:
    """The scenarios that come with Plait, by name."""
    names = sorted(
        entry.name.removesuffix(".toml")
        for entry in _BUNDLED.iterdir()
        if entry.name.endswith(".toml")
    )
    return [find_scenario(name) for name in names]


def find_scenario(name: str) -> Scenario:
    """A scenario by its name or from a file; `BadSettings` if there is none, or it is wrong."""
    entry = _BUNDLED / f"{name}.toml"
    try:
        data = entry.read_bytes() if "/" not in name and entry.is_file() else _read(name)
        return Scenario(name, _about(data.decode()), load_config(data, "toml"))
    except (BadSettings, UnicodeDecodeError) as error:
        raise BadSettings(f"{name}: {error}") from None


def _read(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise BadSettings(
            f"no such scenario, and the file cannot be read: {error.strerror} "
            "(plait sim --scenarios lists what there is)"
        ) from None


def _about(text: str) -> str:
    """The comment at the top, as one line."""
    words = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        words.append(line.lstrip("# "))
    return " ".join(words)
