"""Failed commands as the errors that they are."""

from plait.base.error_codes import from_code
from plait.base.errors import PlaitError
from plait.line.outcome import Failed, Outcome


def raise_failure(outcome: Outcome) -> None:
    """Raise what the first failed command of a group failed with."""
    for _, failed in outcome.failures:
        raise error_of(failed)


def error_of(failed: Failed) -> PlaitError:
    """The error that a command failed with."""
    return from_code(failed.code, failed.message, failed.details)
