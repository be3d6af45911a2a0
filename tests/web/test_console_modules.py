"""Node's own tests of the console's pure modules."""

from tests.web.node_runner import run_node_tests


def test_what_nodes_say_is_put_together_as_it_is():
    assert "# fail 0" in run_node_tests("console_*.test.mjs")
