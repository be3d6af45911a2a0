"""The control machine."""

from plait.line.entry import Epoch
from plait.types.commands import Command, CreateMachine, CreateTable, DropTable, Put, SetRule
from plait.types.control import ControlMachine, machine_of
from plait.types.fold import Stamp
from tests.fakes import DictView

MACHINE = ControlMachine()


def codes(view: DictView, *commands: Command) -> dict[int, str]:
    failed = MACHINE.apply_all(view, Stamp(0, 0, 0, 0), commands)
    return {index: failure.code for index, failure in failed}


def create(name: str, acks: str = "majority", leader: str = "n1") -> CreateTable:
    return CreateTable(name, acks, False, f"leader/{acks}", leader)


def test_tables_get_ids_from_one_that_are_never_used_again() -> None:
    view = DictView()
    assert codes(view, create("b"), DropTable("b"), create("b"), create("a")) == {}
    assert [(table.name, table.table) for table in MACHINE.tables(view)] == [("a", 3), ("b", 2)]


def test_creating_a_table_again_changes_nothing_whoever_leads() -> None:
    view = DictView()
    assert codes(view, create("a", leader="n1"), create("a", leader="n2")) == {}
    record = MACHINE.table(view, "a")
    assert record is not None
    assert (record.table, record.leader) == (1, "n1")


def test_a_table_that_exists_with_other_settings_is_refused() -> None:
    view = DictView()
    assert codes(view, create("a"), create("a", "all")) == {1: "BadSettings"}


def test_illegal_names_and_rules_and_foreign_commands_are_refused() -> None:
    view = DictView()
    foreign = Put(1, "k", b"\x01")  # type: ignore[arg-type]
    refused = codes(view, create("no spaces"), create("a", "any:0"), DropTable("x"), foreign)
    assert refused == {0: "BadSettings", 1: "BadSettings", 2: "NoSuchCollection", 3: "UsageError"}
    assert MACHINE.tables(view) == []


def test_a_rule_of_an_older_epoch_comes_too_late() -> None:
    view = DictView()
    rules = SetRule("line", 2, "b", "leader"), SetRule("line", 1, "z", "all")
    assert codes(view, *rules) == {1: "Conflict"}
    rule = MACHINE.rule(view, "line")
    assert rule is not None
    assert (rule.epoch, rule.acks) == (Epoch(2, "b"), "leader")
    assert codes(view, SetRule("line", 2, "b", "majority")) == {}
    assert MACHINE.rule(view, "other") is None


def machine(
    name: str, class_name: str = "Bank", version: int = 1, acks: str = "consensus"
) -> Command:
    return CreateMachine(name, class_name, f"bank:{class_name}", version, acks, False, "n1")


def test_a_machine_has_a_line_to_itself_and_a_name_apart_from_tables() -> None:
    view = DictView()
    assert codes(view, create("bank"), machine("bank"), machine("shop", "Shop", acks="all")) == {}
    assert [(each.name, each.line) for each in MACHINE.machines(view)] == [
        ("bank", "machine/bank"), ("shop", "machine/shop"),
    ]  # fmt: skip
    assert [line.line for line in MACHINE.lines(view)] == [
        "leader/majority", "machine/bank", "machine/shop",
    ]  # fmt: skip
    assert (machine_of("machine/bank"), machine_of("own/bank")) == ("bank", None)


def test_a_machine_keeps_its_class_and_settings_and_its_version_never_falls() -> None:
    view = DictView()
    refused = codes(
        view, machine("bank", version=2), machine("bank", version=1), machine("bank", "Shop"),
        machine("bank", acks="all"), machine("bank", version=3), machine("a b"),
        machine("c", acks="most"),
    )  # fmt: skip
    assert refused == {2: "BadSettings", 3: "BadSettings", 5: "BadSettings", 6: "BadSettings"}
    record = MACHINE.machine(view, "bank")
    assert record is not None
    assert (record.class_name, record.version, record.acks) == ("Bank", 3, "consensus")
    assert len(MACHINE.lines(view)) == 1
