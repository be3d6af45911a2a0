"""`plait.toml`, the flags over it, and the messages for every mistake."""

from pathlib import Path

import pytest

from plait.base.errors import BadSettings
from plait.cli.config_file import Choices, node_config, parse_members, read_config
from plait.node.config import Limits
from tests.fakes_cli import Shell

EXAMPLE = Path(__file__).parents[2] / "examples" / "plait.toml"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "plait.toml"
    path.write_text(text)
    return path


def test_the_example_is_a_legal_file() -> None:
    config = node_config(read_config(EXAMPLE))
    assert config.name == "n1"
    assert config.data == EXAMPLE.parent / "data/n1"
    assert config.member_names == ("n1", "n2", "n3")
    assert config.first_leader == "n1"


def test_flags_override_the_file(tmp_path: Path) -> None:
    file = read_config(written(tmp_path, '[node]\nname = "a"\ndata = "d"\nlisten = "h:1"\n'))
    config = node_config(Choices(name="b", data=Path("e")).over(file))
    assert (config.name, config.data, config.listen) == ("b", Path("e"), "h:1")


def test_a_node_listens_on_its_address_among_the_members_unless_told_otherwise() -> None:
    members = parse_members("n1=10.0.0.1:7401, n2=10.0.0.2:7401")
    chosen = Choices(data=Path("d"), name="n2", members=members)
    assert node_config(chosen).listen == "10.0.0.2:7401"
    assert node_config(Choices(listen="0.0.0.0:9").over(chosen)).listen == "0.0.0.0:9"


def test_machines_are_named_in_the_file_and_flags_name_others(tmp_path: Path) -> None:
    path = written(tmp_path, '[node]\nmachines = ["tests.machines:Bank", "a.b:C"]\n')
    file = read_config(path)
    assert file.machines == ("tests.machines:Bank", "a.b:C")
    assert Choices(machines=("x:Y",)).over(file).machines == ("x:Y",)
    assert Choices().over(file).machines == file.machines


def test_a_machine_in_the_file_that_does_not_exist_is_refused_by_name(tmp_path: Path) -> None:
    path = written(tmp_path, '[node]\ndata = "d"\nmachines = ["tests.machines:Absent"]\n')
    result = Shell().run("serve", "--config", str(path))
    assert result.exit_code == 2
    assert "tests.machines:Absent" in result.stderr
    assert not (tmp_path / "d").exists()


def test_a_node_without_members_is_alone_and_has_defaults() -> None:
    config = node_config(Choices(data=Path("d")))
    assert config.alone
    assert (config.name, config.listen, config.cluster) == ("n1", "127.0.0.1:7401", "plait")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[node]\nnmae = 'x'", "node.nmae: unknown; did you mean name?"),
        ("[nodes]", "nodes: unknown; did you mean node?"),
        ("[node]\nname = 7", "node.name: write a text in quotes"),
        ("[node]\nmachines = 'a:B'", "node.machines: write a list of texts"),
        ("[node]\nmachines = [1]", "node.machines: write a list of texts"),
        ("[node]\nlisten = 'host'", "node.listen: address 'host' has no port"),
        ("[cluster]\nmembers = 'n1'", "cluster.members: write a table"),
        ("[cluster.members]\nn1 = 7", "cluster.members.n1: write a text"),
        ("[node", "not TOML"),
        ("node = 1", "write a section [node]"),
    ],
)
def test_a_mistake_in_a_file_names_the_file_the_key_and_what_to_do(
    tmp_path: Path, text: str, said: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(BadSettings) as caught:
        read_config(path)
    assert caught.value.message.startswith(f"{path}: ")
    assert said in caught.value.message


@pytest.mark.parametrize("text", ["n1", "n1=", "=h:1", "n1=h:1,n1=h:2", "n1=host", ""])
def test_members_that_are_no_list_are_refused(text: str) -> None:
    with pytest.raises(BadSettings):
        parse_members(text)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--data", "d", "--members", "n1=h:1"),
        ("--data", "d", "--name", "n9", "--members", "n1=h:1"),
        ("--data", "d", "--leader", "n9"),
        ("--data", "d", "--listen", "nowhere"),
        ("--config", "no-such-file.toml"),
    ],
)
def test_serve_refuses_what_makes_no_node_before_it_touches_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    result = Shell().run("serve", *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert list(tmp_path.iterdir()) == []


def test_limits_are_read_from_a_section_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "plait.toml"
    path.write_text('[node]\ndata = "d"\n[limits]\nlog_keep_bytes = 65536\naudit_s = 2\n')
    limits = node_config(read_config(path)).limits
    assert (limits.log_keep_bytes, limits.audit_s) == (65536, 2.0)
    assert limits.sessions_max == Limits().sessions_max
    for wrong, said in (
        ("log_keep_byte = 1", "did you mean log_keep_bytes"),
        ("audit_s = true", "limits.audit_s: write a number"),
        ("sessions_max = 1.5", "limits"),
        ("audit_s = -1", "limits.audit_s: write a number"),
    ):
        path.write_text(f"[limits]\n{wrong}\n")
        with pytest.raises(BadSettings, match=said):
            read_config(path)


def test_a_node_is_told_its_zone_by_file_or_flag(tmp_path: Path) -> None:
    file = tmp_path / "plait.toml"
    file.write_text('[node]\nname = "n1"\ndata = "d"\nzone = "eu"\n')
    read = read_config(file)
    assert node_config(read).zone == "eu"
    assert node_config(Choices(zone="us").over(read)).zone == "us"
    with pytest.raises(BadSettings, match="zone"):
        node_config(Choices(zone="not a zone").over(read))
