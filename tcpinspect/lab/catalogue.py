"""The catalogue of exchanges: a text each, beside this module. Wing lab."""

from __future__ import annotations

import os
from importlib.resources import files

from tcpinspect.errors import UsageError
from tcpinspect.lab.script import Scenario
from tcpinspect.lab.script_reader import read

_ENDING = ".txt"
_SHELF = files("tcpinspect.lab") / "scenarios"


def names() -> list[str]:
    """The names, in the order of the alphabet."""
    return sorted(entry.name.removesuffix(_ENDING) for entry in _SHELF.iterdir() if entry.name.endswith(_ENDING))


def text(name: str) -> str:
    """The text of the scenario of this name, or in this file. Raises UsageError where there is none."""
    if name in names():
        return (_SHELF / f"{name}{_ENDING}").read_text(encoding="utf-8")
    if not (os.sep in name or name.endswith(_ENDING)):
        import difflib

        near = difflib.get_close_matches(name, names(), 1)
        hint = f'did you mean "{near[0]}"? ' if near else ""
        raise UsageError(f'no scenario "{name}": {hint}list them with "tcpinspect lab list"')
    try:
        with open(name, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the scenario {name}: {getattr(error, 'strerror', None) or 'it is not text in UTF-8'}") from error


def load(name: str) -> Scenario:
    """The scenario of this name, or in this file. Raises UsageError, and ScenarioError with the place."""
    return read(text(name), os.path.basename(name).removesuffix(_ENDING))
