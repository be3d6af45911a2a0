"""``plait serve --http`` as people run it: a process that is asked, drained, and encrypted."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

pytestmark = pytest.mark.slow
READY_S = 30.0


@contextlib.contextmanager
def serving(folder: Path, *flags: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A node that serves HTTP, and the address that it says."""
    log = folder / "log"
    command = [sys.executable, "-m", "plait", "serve", "--data", str(folder / "d")]
    command += ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", *flags]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stderr=out, stdout=out)
    try:
        until = time.monotonic() + READY_S
        while not (found := re.search(r"and at (https?://\S+)", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        yield process, found[1]
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)


def test_a_node_that_is_told_to_stop_tells_its_watchers_and_ends(tmp_path: Path) -> None:
    with serving(tmp_path) as (process, base), httpx.Client(base_url=base, timeout=20) as client:
        assert client.get("/readyz").status_code == 200
        assert client.put("/v1/tables/films").status_code == 201
        assert client.put("/v1/tables/films/rows/a", json=1).status_code == 200
        told = client.get("/v1/status").json()
        assert told["nodes"]["n1"]["doors"]["http"] == base
        with connect(base.replace("http", "ws", 1) + "/v1/live") as socket:
            socket.send('{"op": "hello"}')
            assert "hello" in str(socket.recv())
            os.kill(process.pid, signal.SIGTERM)
            assert "Unavailable" in str(socket.recv(10))
        assert process.wait(15) == 0


def test_https_is_spoken_with_the_nodes_certificate(tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    papers = tmp_path / "certs"
    subprocess.run(
        [sys.executable, "-m", "plait", "certs", str(papers), "--node", "n1"],
        check=True, capture_output=True,
    )  # fmt: skip
    flags = [f"--tls-{name}" for name in ("ca", "cert", "key")]
    files = [str(papers / file) for file in ("ca.pem", "node-n1.pem", "node-n1.key")]
    pairs = [word for pair in zip(flags, files, strict=True) for word in pair]
    with serving(tmp_path, *pairs) as (_, base):
        assert base.startswith("https://")
        with httpx.Client(base_url=base, verify=False, timeout=20) as client:
            assert client.get("/readyz").status_code == 200
            assert client.put("/v1/documents/notes").status_code == 201
            assert client.put("/v1/tables/films", json={"mode": "consensus"}).is_success
            assert client.put("/v1/tables/films/rows/a", json=1).status_code == 200


def test_a_public_address_is_refused_without_tls_and_rights(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "plait", "serve", "--data", str(tmp_path / "d")]
    command += ["--listen", "127.0.0.1:0", "--http", "0.0.0.0:0"]
    ended = subprocess.run(command, capture_output=True, timeout=30, check=False)
    assert ended.returncode != 0
    assert b"public address" in ended.stderr
