"""The scenario `operations`: its parts on small stores, and what is printed of them."""

import io
from pathlib import Path
from statistics import median

import pytest
from rich.console import Console

from plait.bench import operations, operations_guarded
from plait.bench.aims import Judged
from plait.bench.operations import print_operations, run_operations
from plait.bench.operations_backup import measure_backups, measure_restore
from plait.bench.operations_guarded import measure_checks
from plait.bench.operations_part import OperationsOptions
from plait.bench.parts import Part
from plait.bench.rounds import Progress
from plait.bench.watchers import Watchers


async def test_a_restore_is_measured_until_a_new_store_answers(tmp_path: Path) -> None:
    options = OperationsOptions(rounds=2, records=500)
    part = await measure_restore(options, tmp_path, lambda _: None)
    figures = part.figures
    assert figures["records"] == 500
    assert len(figures["answered_s"]) == 2
    for restore_s, answered_s in zip(figures["restore_s"], figures["answered_s"], strict=True):
        assert 0 < restore_s < answered_s
    assert figures["backup_bytes"] > 500 * 100


async def test_parts_are_measured_in_folders_of_their_own_that_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders: list[Path] = []

    async def part(options: OperationsOptions, folder: Path, progress: Progress) -> Part:
        folders.append(folder)
        return Part({"x": options.seconds}, [Judged("what", "1", "2", False)])

    monkeypatch.setattr(operations, "PARTS", {"one": part, "two": part})
    options = OperationsOptions(seconds=0.5, folder=str(tmp_path))
    figures = await run_operations(["one", "two"], options)
    assert figures["parts"] == {"one": {"x": 0.5}, "two": {"x": 0.5}}
    assert len(set(folders)) == 2
    assert list(tmp_path.iterdir()) == []
    told = io.StringIO()
    print_operations(figures, Console(file=told, width=100))
    assert told.getvalue().count("missed") == 2
    assert "not to be quoted" not in told.getvalue()


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


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_feeds_are_measured_on_a_cluster_and_shown(tmp_path: Path) -> None:
    options = OperationsOptions(watchers=(0, 1, 4), rows=20, paced=2, folder=str(tmp_path))
    figures = await run_operations(["feeds"], options)
    none, one, four = figures["parts"]["feeds"]["watchers"]
    assert [row["watchers"] for row in (none, one, four)] == [0, 1, 4]
    assert none["first_ms"] is None
    assert none["delivered_per_s"] == 0
    assert 0 < four["first_ms"] <= four["median_ms"] <= four["last_ms"]
    assert one["delivered_per_s"] <= one["written_per_s"] * 1.01
    assert figures["judged"][0]["met"]
    told = io.StringIO()
    print_operations(figures, Console(file=told, width=80))
    assert max(len(line) for line in told.getvalue().splitlines()) <= 80
    assert "…" not in told.getvalue()
    assert "delivered/s" in told.getvalue()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_tls_and_rights_are_measured_beside_the_same_store_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations_guarded, "TURNS", 1)  # each is processes of its own
    monkeypatch.setattr(operations_guarded, "CHECKS", 200)
    options = OperationsOptions(seconds=1.0, rounds=1, folder=str(tmp_path))
    figures = await run_operations(["tls", "rights"], options)
    for part in ("tls", "rights"):
        found = figures["parts"][part]
        for kind in ("puts", "gets"):
            with_it, without = found["per_s"][kind]["with"], found["per_s"][kind]["without"]
            assert min(with_it + without) > 0
            assert found["losses"][kind] == pytest.approx(1 - median(with_it) / median(without))
    assert [row["part"] for row in figures["judged"]] == ["tls"] * 2 + ["rights"] * 5
    assert list(tmp_path.iterdir()) == []


async def test_a_check_of_rights_takes_time_and_lets_the_user_do_what_it_measures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations_guarded, "CHECKS", 200)
    found = await measure_checks(tmp_path / "alone", 3)
    assert set(found) == {"a get", "a put", "a put of 16 in a group"}
    assert all(0 < us < 1000 for us in found.values())


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_backup_is_measured_under_load_and_beside_nobody(tmp_path: Path) -> None:
    options = OperationsOptions(seconds=0.5, rounds=1, records=2000)
    part = await measure_backups(options, tmp_path, lambda _: None)
    figures = part.figures
    assert figures["backups"] >= 1
    assert figures["backup_bytes_per_s_beside_nobody"] > 0
    assert min(figures["disk_bytes_per_s"], figures["backup_bytes_per_s"]) > 0
    assert len(part.judged) == 4


def test_the_default_measures_a_thousand_watchers_and_a_quick_run_says_what_it_is() -> None:
    assert OperationsOptions().watchers[-1] == 1000
    told = io.StringIO()
    figures = {
        "options": {"rounds": 1, "quick_run": OperationsOptions().quick().quick_run},
        "machine": {"cores": 2, "python": "3.11", "load": 0.5}, "parts": {}, "judged": [],
    }  # fmt: skip
    print_operations(figures, Console(file=told, width=80))
    assert "not to be quoted" in told.getvalue()


def test_a_part_that_is_none_is_a_mistake_of_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert operations.run(["--part", "misspelt"]) == 2
    assert "backup, restore" in capsys.readouterr().err
