"""The scenario `operations`: its figures and its table."""

import io

import msgspec
import pytest
from rich.console import Console

from plait.bench.operations import OperationsOptions, run, run_operations
from plait.bench.report_operations import print_operations
from plait.bench.watchers import Watchers

SMALL = OperationsOptions(watchers=(0, 1, 4), rows=20, paced=2)


def printed(figures):
    console = Console(file=io.StringIO(), width=80)
    print_operations(figures, console)
    return console.file.getvalue()


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_feeds_are_measured_on_a_cluster_and_shown(tmp_path):
    figures = run_operations(msgspec.structs.replace(SMALL, folder=str(tmp_path)))
    none, one, four = figures["feeds"]
    assert [row["watchers"] for row in (none, one, four)] == [0, 1, 4]
    assert none["first_ms"] is None
    assert none["delivered_per_s"] == 0
    assert 0 < four["first_ms"] <= four["median_ms"] <= four["last_ms"]
    assert one["delivered_per_s"] <= one["written_per_s"] * 1.01
    assert not figures["failed"]
    text = printed(figures)
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "…" not in text
    assert "delivered/s" in text
    assert list(tmp_path.iterdir()) == []


def test_the_default_measures_a_thousand_watchers_and_a_quick_run_says_what_it_is():
    assert OperationsOptions().watchers[-1] == 1000
    figures = {
        "options": msgspec.to_builtins(OperationsOptions().quick()), "failed": ["something"],
        "machine": {"cores": 2, "python": "3.11", "load": 0.5},
    }  # fmt: skip
    assert "not to be quoted" in printed(figures)
    assert "something" in printed(figures)


async def test_a_change_that_comes_twice_is_counted_as_wrong():
    class Change:
        def __init__(self, value):
            self.value = value

    class Watch:
        async def __aenter__(self):
            return self

        async def __aexit__(self, *error):
            pass

        async def __aiter__(self):
            for value in (0, 1, 1, 3):
                yield Change(value)

    class Table:
        def watch(self, start):
            return Watch()

    watchers = Watchers()
    await watchers.follow(Table(), "0.0", 0)
    assert watchers.wrong == 1


def test_an_unknown_part_is_refused(capsys):
    assert run(["--parts", "nothing"]) == 2
    assert "there are feeds" in capsys.readouterr().err
