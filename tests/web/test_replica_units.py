"""The parts of the browser replica by themselves, in Node's own test runner."""

from tests.web.node_runner import run_node_tests


def test_node_finds_nothing_wrong_with_the_replica() -> None:
    assert "# fail 0" in run_node_tests("replica_*.test.mjs")
