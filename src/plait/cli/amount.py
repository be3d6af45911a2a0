"""An amount of bytes on the command line: ``50MB``, ``1.5 GB``, ``4096``; units are of thousands,
as they are shown (`plait.cli.display`)."""

import re

import click

_FORM = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kMGT]?)B?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}


def amount(context: click.Context, option: click.Parameter, text: str | None) -> float | None:
    """The number of bytes that an option says, above 0; a mistake of usage otherwise."""
    if text is None:
        return None
    form = _FORM.fullmatch(text.strip())
    found = float(form[1]) * _UNITS[form[2].lower()] if form else 0.0
    if not found > 0:
        raise click.BadParameter(f"{text!r} is no amount of bytes; 50MB is one", context, option)
    return found
