"""Reading records, loading them, and how far an import came."""

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from plait.base.errors import BadSettings, Busy
from plait.cli import loader as loading
from plait.cli import resume
from plait.cli.loader import BATCH_RECORDS, BATCHES_IN_FLIGHT_MAX, Loader
from plait.cli.records import BadRecord, Format, Record, format_of, read_records
from tests.fakes_cli import FakeTable, Shell, fake_shell


def read(text: str, kind: Format, key: str | None = None, **more: Any) -> list[Any]:
    return list(read_records(io.StringIO(text, newline=""), kind, key, **more))


def test_the_name_of_a_file_tells_its_format() -> None:
    assert format_of("a/B.JSON") == "json"
    assert format_of("x.ndjson") == "jsonl"
    assert format_of("x.csv") == "csv"
    assert format_of("x.txt") is None


def test_json_lines_name_bad_records_by_their_line_and_skip_blank_ones() -> None:
    found = read('{"key": "a", "value": 1}\n\n{broken\n[1]\n{"key": "b"}\n', "jsonl")
    assert found[0] == Record("line 1", "a", 1)
    assert [record.place for record in found[1:]] == ["line 3", "line 4", "line 5"]
    assert all(isinstance(record, BadRecord) for record in found[1:])


def test_a_key_field_makes_the_whole_record_the_value() -> None:
    found = read('{"id": 7, "name": "x"}\n{"name": "y"}\n{"id": true}\n', "jsonl", "id")
    assert found[0] == Record("line 1", "7", {"id": 7, "name": "x"})
    assert found[1] == BadRecord("line 2", "no field 'id'")
    assert isinstance(found[2], BadRecord)


def test_a_json_document_is_an_array_of_records_or_an_object_of_values() -> None:
    assert read('[{"key": "a", "value": null}]', "json") == [Record("record 1", "a", None)]
    assert read('{"a": 1, "b": 2}', "json")[1] == Record("record 2", "b", 2)
    assert isinstance(read("7", "json")[0], BadRecord)
    assert isinstance(read("[1", "json")[0], BadRecord)


def test_csv_cells_are_text_unless_json_is_asked_for() -> None:
    text = 'id,n\r\n1,"two\nlines"\r\n2\r\n3,4\r\n'
    found = read(text, "csv", "id")
    assert found[0] == Record("line 2", "1", {"id": "1", "n": "two\nlines"})
    assert found[1] == BadRecord("line 4", "1 cells, but the header has 2")
    assert found[2] == Record("line 5", "3", {"id": "3", "n": "4"})
    assert read(text, "csv", "id", json_cells=True)[2] == Record("line 5", "3", {"id": 3, "n": 4})


@pytest.mark.parametrize("line", ['{"key": "", "value": 1}', '{"key": 1.5, "value": 1}',
                                  '{"key": "a", "value": 99999999999999999999}'])  # fmt: skip
def test_what_a_table_cannot_store_is_a_bad_record(line: str) -> None:
    assert isinstance(read(line, "jsonl")[0], BadRecord)


class SlowTable:
    """Batches stay under way until they are released."""

    def __init__(self) -> None:
        self.under_way: list[tuple[dict[str, Any], asyncio.Future[None]]] = []

    async def put_many(self, items: Any, *, acks: str | None = None) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.under_way.append((dict(items), done))
        await done


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_done_counts_only_the_acknowledged_prefix() -> None:
    table, seen = SlowTable(), []
    loader = Loader(table, on_done=seen.append)
    for number in range(2 * BATCH_RECORDS):
        await loader.add(str(number), number)
    finishing = asyncio.create_task(loader.finish())
    await settle()
    assert len(table.under_way) == 2
    table.under_way[1][1].set_result(None)
    await settle()
    assert loader.done == 0
    table.under_way[0][1].set_result(None)
    await finishing
    assert seen == [BATCH_RECORDS, 2 * BATCH_RECORDS]


async def test_a_later_record_of_the_same_key_waits_for_the_earlier_one() -> None:
    table = SlowTable()
    loader = Loader(table)
    await loader.add("k", 1)
    await loader.add("k", 2)
    finishing = asyncio.create_task(loader.finish())
    await settle()
    assert [items for items, _ in table.under_way] == [{"k": 1}]
    table.under_way[0][1].set_result(None)
    await settle()
    assert [items for items, _ in table.under_way] == [{"k": 1}, {"k": 2}]
    table.under_way[1][1].set_result(None)
    await finishing
    assert loader.done == 2


async def test_a_loader_keeps_a_bounded_number_of_batches_under_way() -> None:
    table = SlowTable()
    loader = Loader(table)

    async def add_many() -> None:
        for number in range(BATCH_RECORDS * (BATCHES_IN_FLIGHT_MAX + 3)):
            await loader.add(str(number), number)

    adding = asyncio.create_task(add_many())
    await settle()
    await settle()
    assert len(table.under_way) == BATCHES_IN_FLIGHT_MAX
    adding.cancel()


async def test_an_abandoned_loader_stops_counting_at_the_first_failure() -> None:
    table = SlowTable()
    loader = Loader(table)
    for number in range(3 * BATCH_RECORDS):
        await loader.add(str(number), number)
    await settle()
    (_, first), (_, second), (_, third) = table.under_way
    first.set_result(None)
    second.set_exception(Busy("full"))
    third.set_result(None)
    await loader.abandon()
    assert loader.done == BATCH_RECORDS


def test_progress_of_another_import_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text("{}")
    path = resume.state_path(str(source), "films")
    assert path is not None
    mine = resume.describe(str(source), "films", "jsonl")
    assert resume.load(path, mine) == 0
    resume.save(path, mine.done(7))
    assert resume.load(path, mine) == 7
    source.write_text("{} ")
    with pytest.raises(BadSettings, match="size"):
        resume.load(path, resume.describe(str(source), "films", "jsonl"))
    path.write_text("rubbish")
    with pytest.raises(BadSettings, match="no import state"):
        resume.load(path, mine)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    with fake_shell(monkeypatch) as shell:
        yield shell


def write_lines(path: Path, count: int) -> Path:
    rows = [msgspec.json.encode({"key": f"k{n:04}", "value": n}).decode() for n in range(count)]
    path.write_text("\n".join(rows) + "\n")
    return path


def test_an_import_makes_the_table_with_the_rule_and_leaves_no_state(
    shell: Shell, tmp_path: Path
) -> None:
    source = write_lines(tmp_path / "a.jsonl", 300)
    result = shell.run("import", str(source), "--table", "t", "--acks", "any:1")
    assert result.exit_code == 0
    assert result.stderr == "300 records imported into t\n"
    assert shell.store.settings["t"].acks == "any:1"
    assert len(shell.rows("t")) == 300
    assert list(tmp_path.iterdir()) == [source]


def test_a_bad_record_ends_the_import_and_resume_continues_behind_the_good_ones(
    shell: Shell, tmp_path: Path
) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text('{"key": "a", "value": 1}\n{"key": "b"}\n{"key": "c", "value": 3}\n')
    result = shell.run("import", str(source), "--table", "t")
    assert result.exit_code == 1
    assert "error: line 2: " in result.stderr
    skipping = shell.run("import", str(source), "--table", "t", "--resume", "--skip-bad")
    assert skipping.exit_code == 0
    assert "skipped line 2" in skipping.stderr
    assert shell.rows("t") == {"a": 1, "c": 3}


def test_a_resumed_import_puts_only_what_was_not_acknowledged(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "BATCH_RECORDS", 10)
    source = write_lines(tmp_path / "a.jsonl", 100)
    shell.run("create", "t")
    table = shell.store.tables_by_name["t"]
    table.fail_at_batch = 4
    failed = shell.run("import", str(source), "--table", "t")
    assert failed.exit_code == 3
    assert "30 records were acknowledged" in failed.stderr
    table.rows.clear()
    table.fail_at_batch = None
    resumed = shell.run("import", str(source), "--table", "t", "--resume")
    assert resumed.exit_code == 0
    assert "after 30 before" in resumed.stderr
    assert sorted(table.rows) == [f"k{n:04}" for n in range(30, 100)]


def test_a_pipe_is_imported_but_not_resumed_without_a_state_file(shell: Shell) -> None:
    line = '{"key": "a", "value": "é"}\n'
    assert shell.run("import", "-", "--table", "t", stdin=line).exit_code == 2
    done = shell.run("import", "-", "--table", "t", "--format", "jsonl", stdin=line)
    assert done.exit_code == 0
    assert shell.rows("t") == {"a": "é"}
    again = ("import", "-", "--table", "t", "--format", "jsonl", "--resume")
    assert shell.run(*again, stdin=line).exit_code == 2


@pytest.mark.parametrize("name", ["out.json", "out.jsonl"])
def test_what_is_exported_imports_again(shell: Shell, tmp_path: Path, name: str) -> None:
    table = shell.store.tables_by_name["t"] = FakeTable()
    shell.store.tables_by_name["empty"] = FakeTable()
    table.rows = {"a": {"n": 1}, "b": [None, "é\u2028"], "c": "7"}
    file = str(tmp_path / name)
    assert shell.run("export", file, "--table", "t").exit_code == 0
    assert shell.run("import", file, "--table", "copy").exit_code == 0
    assert shell.rows("copy") == table.rows
    assert shell.run("export", file, "--table", "empty").exit_code == 0
    assert shell.run("import", file, "--table", "nothing").exit_code == 0
    assert shell.rows("nothing") == {}


def test_csv_leaves_nothing_out_silently_and_a_failed_export_keeps_the_old_file(
    shell: Shell, tmp_path: Path
) -> None:
    table = shell.store.tables_by_name["t"] = FakeTable()
    table.rows = {"a": {"n": 1, "s": "x"}, "b": {"n": 2, "extra": []}}
    file = tmp_path / "out.csv"
    file.write_text("old")
    failed = shell.run("export", str(file), "--table", "t")
    assert failed.exit_code == 2
    assert "'extra'" in failed.stderr
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]
    assert shell.run("export", str(file), "--table", "t", "--fields", "s,extra").exit_code == 0
    assert file.read_text().splitlines() == ["key,s,extra", "a,x,", "b,,[]"]
