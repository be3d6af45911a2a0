"""Node's own tests of the browser replica's core."""

from tests.web.node_runner import run_node_tests


def test_documents_read_and_write_as_they_should():
    assert "# fail 0" in run_node_tests("core_*.test.mjs")
