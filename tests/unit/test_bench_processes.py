"""Servers as child processes."""

import os
import signal
import sys

import pytest

from plait.bench.processes import PeerUnavailable, Server, free_ports, run_tool, until


def server(tmp_path, program):
    folder = tmp_path / "server"
    folder.mkdir()
    return Server("server", [sys.executable, "-c", program], folder)


WAITS = "import signal; signal.pause()"


def test_free_ports_are_different():
    ports = free_ports(20)
    assert len(set(ports)) == 20


def test_a_server_has_a_session_of_its_own_and_ends_when_told(tmp_path):
    one = server(tmp_path, WAITS)
    try:
        assert os.getsid(one.pid) == one.pid
        one.check()
    finally:
        one.stop()
    with pytest.raises(PeerUnavailable, match=f"code -{signal.SIGTERM.value}"):
        one.check()


async def test_a_server_that_ignores_the_request_is_killed(tmp_path):
    ignores = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    one = server(tmp_path, f"{ignores}; print('deaf', flush=True); signal.pause()")

    async def deaf():
        return "deaf" in one.log.read_text()

    await until(deaf, [one], "the server")
    one.stop(patience_s=0.1)
    with pytest.raises(PeerUnavailable, match=f"code -{signal.SIGKILL.value}"):
        one.check()


async def test_waiting_for_a_server_that_died_shows_the_end_of_its_log(tmp_path):
    one = server(tmp_path, "raise SystemExit('no room in the harbour')")

    async def never():
        return False

    with pytest.raises(PeerUnavailable, match="no room in the harbour"):
        await until(never, [one], "the server")


async def test_an_error_counts_as_not_ready_and_is_told_at_the_end():
    async def refuses():
        raise ConnectionError("refused")

    with pytest.raises(PeerUnavailable, match="refused"):
        await until(refuses, (), "the server", timeout_s=0.1)


def test_a_tool_that_fails_says_why(tmp_path):
    with pytest.raises(PeerUnavailable, match="bad flag"):
        run_tool([sys.executable, "-c", "raise SystemExit('bad flag')"], tmp_path)
