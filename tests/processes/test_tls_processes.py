"""`plait certs`, `plait serve` and the data commands over TLS, as an operator runs them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from nodes import free_port

STARTED_S = 30.0


def plait(*words: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "plait", *words], cwd=folder, capture_output=True, text=True,
        timeout=60, check=False, env={**os.environ, **environment},
    )  # fmt: skip


class Serving:
    """A node over TLS, by its settings file, in its own process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = f"127.0.0.1:{free_port()}"
        self.url = f"plait+tls://{self.address}"
        certs = plait("certs", "certs", "--node", "n1", "--client", "ann", folder=folder)
        assert certs.returncode == 0, certs.stderr
        self.said = certs.stdout
        (folder / "plait.toml").write_text(
            f'[node]\ndata = "d1"\nlisten = "{self.address}"\n'
            '[tls]\nca = "certs/ca.pem"\ncert = "certs/node-n1.pem"\nkey = "certs/node-n1.key"\n'
        )
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "plait", "serve", "--config", "plait.toml"],
                cwd=folder, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        until = time.monotonic() + STARTED_S
        while "ready" not in self.log.read_text():
            assert time.monotonic() < until, self.log.read_text()
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)

    def close(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


@pytest.fixture
def serving(tmp_path: Path):
    serving = Serving(tmp_path)
    yield serving
    serving.close()


def test_certificates_are_made_in_one_command_and_a_node_serves_with_them(serving) -> None:
    folder = serving.folder
    assert "certs/node-n1.pem  node n1, until " in serving.said
    assert f"ready at plait+tls://{serving.address}" in serving.log.read_text()
    shown = (
        "--tls-ca", "certs/ca.pem", "--tls-cert", "certs/client-ann.pem",
        "--tls-key", "certs/client-ann.key", "--url", serving.url,
    )  # fmt: skip
    assert plait("create", "films", *shown, folder=folder).returncode == 0
    assert plait("put", "films", "f1", "7", *shown, folder=folder).returncode == 0
    got = plait(
        "get", "films", "f1", folder=folder, PLAIT_URL=serving.url, PLAIT_TLS_CA="certs/ca.pem",
        PLAIT_TLS_CERT="certs/client-ann.pem", PLAIT_TLS_KEY="certs/client-ann.key",
    )  # fmt: skip
    assert got.stdout == "7\n", got.stderr


def test_a_command_without_a_certificate_ends_with_one_line_that_says_what_to_do(serving) -> None:
    folder = serving.folder
    bare = plait("tables", "--url", serving.url, folder=folder)
    assert bare.returncode == 2
    assert "--tls-ca FILE" in bare.stderr
    nobody = plait("tables", "--url", serving.url, "--tls-ca", "certs/ca.pem", folder=folder)
    assert nobody.returncode == 1
    assert "this node wants a certificate" in nobody.stderr
    plain = plait("tables", "--url", f"plait://{serving.address}", folder=folder)
    assert plain.returncode == 1
    assert "only TLS is spoken here" in plain.stderr
    again = plait("certs", "certs", "--node", "n1", folder=folder)
    assert again.returncode == 2
    assert "--renew" in again.stderr
