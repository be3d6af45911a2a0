"""`plait conflicts` over two replicas in memory: what is printed, decided, refused, and edited."""

import io
import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import plait
from plait.api.documents import Conflict, Documents
from plait.api.infos import GraphInfo
from plait.api.settings import Eventual
from plait.base.errors import ConflictChanged, NoSuchCollection, Refused
from plait.cli.conflict_editor import MARK, edited
from plait.cli.conflict_page import conflict_page, listing
from plait.cli.conflicts import ours_of
from tests.fakes_cli import FakeStore, Shell, fake_shell
from tests.unit.graph_fake import FakeReplica, meet, pair


class Meeting(plait.Document):
    starts = plait.Register(resolve=plait.Ask())


class Inbox(FakeStore):
    """A store with one collection of documents, without their class."""

    def __init__(self, replica: FakeReplica) -> None:
        super().__init__()
        self.replica = replica

    async def conflicts(self, name: str | None = None) -> list[Conflict]:
        if name not in (None, "notes"):
            raise NoSuchCollection(f"there are no documents {name!r}")
        return Documents(self.replica).conflicts()

    async def collections(self) -> list[GraphInfo]:
        return [GraphInfo("notes", "00" * 16, 1, Eventual())]

    async def documents(self, name: str, kind: None, settings: Eventual) -> Any:
        return Documents(self.replica)


class World:
    """Ann's and Bob's replicas; commands run at Ann's."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.ann, self.bob = pair()
        shell.store = Inbox(self.ann)

    def conflict(self, base: Any, *values: Any, key: str = "k") -> Conflict:
        ann, bob = Documents(self.ann, Meeting), Documents(self.bob, Meeting)
        if base is not None:
            ann[key].starts = base
        meet(self.ann, self.bob)
        for docs, value in zip((ann, bob), values, strict=True):
            docs[key].starts = value
        meet(self.ann, self.bob)
        return next(one for one in ann.conflicts() if one.key == key)

    def shows(self, key: str = "k") -> Any:
        return Documents(self.ann, Meeting)[key].starts

    def resolve(self, *options: str) -> Any:
        return self.shell.run("conflicts", "resolve", "notes", "k", "starts", *options)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with fake_shell(monkeypatch) as shell:
        yield World(shell)


def printed(page: Any, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(page)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


# ----------------------------------------------------------------------------- list and show


def test_an_empty_inbox_says_so_and_is_no_failure(world: World) -> None:
    result = world.shell.run("conflicts", "list")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no conflicts\n")
    assert world.shell.run("conflicts", "list", "--json").stdout == "[]\n"


def test_the_list_names_where_and_what_and_since_when(world: World) -> None:
    world.conflict("mon", "tue", "wed")
    (heading, row) = world.shell.run("conflicts", "list").stdout.splitlines()
    assert heading.split() == ["collection", "key", "field", "values", "since"]
    assert row.split()[:6] == ["notes", "k", "starts", '"tue"', "|", '"wed"']
    (narrow,) = printed(listing(Documents(world.ann).conflicts(), 80), 80)[1:]
    assert narrow.split()[:4] == ["notes", "k", "starts", "2"]
    assert world.shell.run("conflicts", "list", "other").exit_code == 3


def test_json_says_whose_is_whose(world: World) -> None:
    world.conflict("mon", "tue", "wed")
    result = world.shell.run("conflicts", "show", "notes", "k", "starts", "--json")
    found = json.loads(result.stdout)
    assert json.loads(world.shell.run("conflicts", "list", "--json").stdout) == [found]
    assert (found["kind"], found["base"], found["shown"]) == ("ask", "mon", "wed")
    told = [(one["value"], one["who"], one["ours"]) for one in found["siblings"]]
    assert told == [("tue", "replica-1", True), ("wed", "replica-2", False)]
    assert found["since"] == found["siblings"][1]["when"]


def test_wide_terminals_have_the_values_side_by_side_and_narrow_ones_below_each_other(
    world: World,
) -> None:
    conflict = world.conflict("on monday", "on tuesday", "on friday")
    wide = printed(conflict_page(conflict, ours_of(conflict), 120), 120)
    (row,) = [line for line in wide if "monday" in line]
    assert row.split() == ["on", "monday", "on", "tuesday", "on", "friday"]
    narrow = printed(conflict_page(conflict, ours_of(conflict), 80), 80)
    assert [line for line in narrow if line.startswith("on ")] == [
        "on monday", "on tuesday", "on friday",
    ]  # fmt: skip
    assert {"1 (ours)", "2 (shown)"} <= set(narrow)


def test_changed_lines_are_marked_and_a_comma_is_no_change(world: World) -> None:
    base = {"title": "the weekly meeting", "people": ["ann", "bob"]}
    conflict = world.conflict(base, base | {"people": ["ann", "bob", "cem"]}, base | {"title": "x"})
    lines = printed(conflict_page(conflict, ours_of(conflict), 60), 60)
    marked = [line for line in lines if line[:2] in ("+ ", "- ")]
    assert [" ".join(line.split()) for line in marked] == [
        '- "title": "the weekly meeting",', '+ "cem"', '+ "title": "x",',
    ]  # fmt: skip


def test_long_texts_are_shown_as_what_was_changed_in_them(world: World) -> None:
    lines = [f"line {number}" for number in range(40)]
    conflict = world.conflict(
        "\n".join(lines), "\n".join([*lines[:9], "mine", *lines[9:]]), "\n".join(lines[:-1])
    )
    page = printed(conflict_page(conflict, ours_of(conflict), 80), 80)
    assert "+mine" in page
    assert "-line 39" in page
    assert "line 20" not in "\n".join(page)


def test_what_is_not_there_is_not_found_and_the_others_are_named(world: World) -> None:
    world.conflict("mon", "tue", "wed")
    result = world.shell.run("conflicts", "show", "notes", "k", "ends")
    assert result.exit_code == 3
    assert "there are at starts" in result.stderr
    assert world.shell.run("conflicts", "show", "notes", "other", "starts").exit_code == 3


# ----------------------------------------------------------------------------- resolve


@pytest.mark.parametrize(
    ("options", "value"),
    [
        (("--ours",), "tue"),
        (("--theirs",), "wed"),
        (("--pick", "1"), "tue"),
        (("--value", "7"), 7),
        (("--value", "sunday"), "sunday"),
    ],
)
def test_a_decision_replaces_every_value(
    world: World, options: tuple[str, ...], value: Any
) -> None:
    world.conflict("mon", "tue", "wed")
    result = world.resolve(*options)
    assert result.exit_code == 0, result.stderr
    assert world.shows() == value
    assert Documents(world.ann, Meeting).conflicts() == []
    assert world.resolve(*options).exit_code == 3  # there is nothing any more


def test_ours_is_what_is_shown_where_nothing_was_written_here(world: World) -> None:
    world.conflict("mon", "tue", "wed")
    stranger = FakeReplica(3)
    world.ann.sync(stranger)
    world.shell.store = Inbox(stranger)
    result = world.resolve("--ours", "--json")
    assert json.loads(result.stdout)["value"] == "wed"
    assert "nothing was written here" in result.stderr


def test_theirs_of_several_has_to_be_picked(world: World) -> None:
    world.conflict("mon", "tue", "wed")
    third = FakeReplica(3)
    Documents(third, Meeting)["k"].starts = "thu"
    third.sync(world.ann)
    result = world.resolve("--theirs")
    assert result.exit_code == 2
    assert "--pick" in result.stderr
    assert world.resolve("--pick", "4").exit_code == 2
    assert world.resolve("--pick", "3").exit_code == 0


@pytest.mark.parametrize("options", [(), ("--ours", "--theirs"), ("--value", "1", "--edit")])
def test_exactly_one_way_to_decide_is_asked_for(world: World, options: tuple[str, ...]) -> None:
    world.conflict("mon", "tue", "wed")
    assert world.resolve(*options).exit_code == 2
    assert world.resolve("--ours").exit_code == 0


def test_a_decision_is_refused_when_there_are_other_values_by_now(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.conflict("mon", "tue", "wed")

    def meanwhile(conflict: Conflict, ours: Any) -> str:
        Documents(world.bob, Meeting)["k"].starts = "newer"
        world.bob.sync(world.ann)
        return "mine"

    monkeypatch.setattr("plait.cli.conflicts.edited", meanwhile)
    result = world.resolve("--edit")
    assert result.exit_code == 4
    assert "other values" in result.stderr
    assert [one.siblings for one in Documents(world.ann, Meeting).conflicts()] == [["tue", "newer"]]


def test_a_conflict_that_is_gone_is_not_resolved_again(world: World) -> None:
    conflict = world.conflict("mon", "tue", "wed")
    Documents(world.ann).conflicts()[0].resolve("thu")
    with pytest.raises(ConflictChanged):
        conflict.resolve("fri")
    assert world.shows() == "thu"


def test_what_json_cannot_carry_is_picked_and_not_written(world: World) -> None:
    early, late = datetime(2026, 1, 1, 9, tzinfo=UTC), datetime(2026, 1, 1, 10, tzinfo=UTC)
    world.conflict(None, early, late)
    for options in (("--edit",), ("--value", "2026-01-01T09:30:00Z")):
        result = world.resolve(*options)
        assert result.exit_code == 1
        assert "--pick" in result.stderr
    assert world.resolve("--ours").exit_code == 0
    assert world.shows() == early


# ----------------------------------------------------------------------------- the editor


def decide(conflict: Conflict, *answers: Any) -> tuple[Any, list[str]]:
    """What is decided when an editor does this, and what it was given each time."""
    given: list[str] = []

    def editor(text: str, suffix: str) -> str | None:
        given.append(text)
        answer = answers[len(given) - 1]
        return answer(text) if callable(answer) else answer

    return edited(conflict, ours_of(conflict), editor), given


def test_a_text_is_edited_as_it_is_with_everything_else_below(world: World) -> None:
    conflict = world.conflict("one\ntwo\n", "one\n2\n", "1\ntwo\n")
    value, (given,) = decide(conflict, lambda text: "1\n2\n\n" + text[text.index(MARK) :])
    assert value == "1\n2\n"
    assert given.startswith("one\n2\n\n" + MARK)
    below = given[given.index(MARK) :]
    assert all(part in below for part in ("# base", "#   two", "# 2: replica-2", "#   1"))


def test_without_the_mark_the_whole_file_counts(world: World) -> None:
    conflict = world.conflict("a", "b", "c")
    assert decide(conflict, "both\nlines\n")[0] == "both\nlines"


def test_json_is_asked_for_again_until_it_is_some(world: World) -> None:
    conflict = world.conflict({"a": 1}, {"a": 2}, {"a": 3})
    value, given = decide(
        conflict,
        lambda text: text.replace('"a": 2', '"a": '),
        lambda text: text.replace('"a": ', '"a": 5'),
    )
    assert value == {"a": 5}
    assert "This is no JSON" in given[1]
    assert given[1].startswith('{\n  "a": \n}')  # what the person had written


@pytest.mark.parametrize(
    ("answer", "why"),
    [(None, "as it was"), (lambda text: text, "as it was"), ("", "empty"), (" \n" + MARK, "empty")],
)
def test_an_unchanged_or_empty_file_decides_nothing(world: World, answer: Any, why: str) -> None:
    for values in (("a", "b"), (1, 2)):
        conflict = world.conflict(None, *values, key=str(values))
        with pytest.raises(Refused, match=why):
            decide(conflict, answer)


def test_what_stays_no_json_ends_in_time(world: World) -> None:
    conflict = world.conflict(0, 1, 2)
    counts = iter(range(100))
    with pytest.raises(Refused, match="attempts"):
        decide(conflict, *[lambda text: f"{{{next(counts)}"] * 20)
    with pytest.raises(Refused, match="as it was"):  # the same mistake twice is giving up
        decide(conflict, "{", lambda text: text)


def test_texts_that_an_editor_would_change_are_edited_as_json(world: World) -> None:
    conflict = world.conflict(None, "one\r\ntwo", "1\r\n2")
    value, (given,) = decide(conflict, '"1\\r\\ntwo"')
    assert value == "1\r\ntwo"
    assert given.startswith('"one\\r\\ntwo"\n')


def test_the_editor_of_the_environment_is_run(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world.conflict("mon", "tue", "wed")
    script = tmp_path / "editor"
    script.write_text('#!/bin/sh\nsed -i s/^tue/thu/ "$1"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", "true")
    result = world.resolve("--edit")
    assert (result.exit_code, world.shows()) == (1, "wed")
    assert "as it was" in result.stderr
    monkeypatch.setenv("EDITOR", str(script))
    result = world.resolve("--edit")
    assert (result.exit_code, world.shows()) == (0, "thu")
