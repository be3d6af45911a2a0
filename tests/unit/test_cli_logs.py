"""What nodes log: lines for people, JSON for machines, and never a password."""

import json
import logging
import sys

from plait.cli.logs import JsonLines, Lines, without_secrets

URL = "postgresql://plait:sw0rdf1sh@10.0.0.1/shop"


def record(
    message: str, *arguments: object, error: BaseException | None = None
) -> logging.LogRecord:
    told = None if error is None else (type(error), error, None)
    return logging.LogRecord("plait.node", logging.WARNING, __file__, 1, message, arguments, told)


def test_a_record_is_one_json_object_on_one_line() -> None:
    line = JsonLines().format(record("two\nlines of %s", "n1"))
    assert "\n" not in line
    told = json.loads(line)
    assert (told["level"], told["logger"], told["message"]) == (
        "warning",
        "plait.node",
        "two\nlines of n1",
    )
    assert told["time"].endswith("+00:00")
    assert set(told) == {"time", "level", "logger", "message"}


def test_an_error_comes_with_its_traceback() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        failed = logging.LogRecord(
            "plait", logging.ERROR, __file__, 1, "it failed", (), sys.exc_info()
        )
    told = json.loads(JsonLines().format(failed))
    assert told["error"].endswith("ValueError: no")
    assert "Traceback" in Lines().format(failed)


def test_the_password_of_a_url_is_in_no_line() -> None:
    for form in (Lines(), JsonLines()):
        for told in (record("at %s", URL), record(URL), record("no", error=OSError(URL))):
            assert "sw0rdf1sh" not in form.format(told)
    assert without_secrets(URL) == "postgresql://plait:***@10.0.0.1/shop"
    assert without_secrets("plait://10.0.0.1:7401,10.0.0.2:7402") == (
        "plait://10.0.0.1:7401,10.0.0.2:7402"
    )
