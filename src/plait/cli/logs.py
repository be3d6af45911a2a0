"""What a node logs, and how: lines for people, or one JSON object a line for what collects logs.

Invariant: no line has the password of a URL in it, whoever wrote it.
"""

import json
import logging
import re
import sys
from datetime import UTC, datetime

import click

_LEVELS = ("debug", "info", "warning", "error")
_FORMS = ("text", "json")
_SECRET = re.compile(r"(?P<front>\b[a-z][a-z0-9+.-]*://[^\s:/@]*):[^\s@/]*@")

log_level_option = click.option(
    "--log-level", type=click.Choice(_LEVELS), default="info", show_default=True
)
log_option = click.option(
    "--log", "log_form", type=click.Choice(_FORMS), default="text", show_default=True,
    help="How to log, to stderr: lines for people, or JSON.",
)  # fmt: skip


def start_logging(level: str, form: str = "text") -> None:
    """Log to stderr, as everything that serves does."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else Lines())
    logging.basicConfig(level=level.upper(), handlers=[handler])


def without_secrets(text: str) -> str:
    """`text` without the passwords of URLs."""
    return _SECRET.sub(r"\g<front>:***@", text)


class Lines(logging.Formatter):
    """One line for people, and tracebacks below it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        return without_secrets(super().format(record))


class JsonLines(logging.Formatter):
    """One JSON object a record: time (RFC 3339, UTC), level, logger, message, and error if any."""

    def format(self, record: logging.LogRecord) -> str:
        """The object, on one line."""
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
        }
        if record.exc_info:
            told["error"] = without_secrets(self.formatException(record.exc_info))
        return json.dumps(told, ensure_ascii=False)
