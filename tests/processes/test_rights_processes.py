"""`plait rights`, `roles`, `users`, `tokens`, as an operator runs them."""

import stat
from pathlib import Path

import pytest
from test_tls_processes import Serving, plait


@pytest.fixture
def serving(tmp_path: Path):
    begun = plait("rights", "init", "--data", "d1", "--out", "root.token", folder=tmp_path)
    assert begun.returncode == 0, begun.stderr
    made = plait("create", "orders", "--data", "d1", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    serving = Serving(tmp_path)
    yield serving
    serving.close()


def test_from_a_new_folder_to_a_user_who_may_do_one_thing(serving) -> None:
    folder = serving.folder
    assert stat.S_IMODE((folder / "root.token").stat().st_mode) == 0o600

    def run(*words: str, token: str = "root.token"):
        return plait(
            *words, "--url", serving.url, "--tls-ca", "certs/ca.pem", "--token-file", token,
            folder=folder,
        )  # fmt: skip

    for words in (
        ("roles", "put", "clerk", "orders/eu-:read,write"),
        ("users", "put", "ann", "--role", "clerk"),
        ("tokens", "add", "ann", "--days", "90", "--out", "ann.token"),
    ):
        done = run(*words)
        assert done.returncode == 0, done.stderr
    assert run("put", "orders", "eu-1", "7", token="ann.token").returncode == 0
    refused = run("put", "orders", "us-1", "7", token="ann.token")
    assert refused.returncode == 1
    assert "ann lacks write on orders, key 'us-1'" in refused.stderr
    listed = run("tokens", "list", "--json")
    secret = (folder / "ann.token").read_text().strip()
    assert secret not in listed.stdout
    public = secret.split("_")[1]
    assert public in listed.stdout
    assert "orders/eu-:read,write" in run("rights", "show").stdout
    assert run("tokens", "revoke", public).returncode == 0
    revoked = run("get", "orders", "eu-1", token="ann.token")
    assert revoked.returncode == 1
    assert "unknown, or was revoked" in revoked.stderr
    log = serving.log.read_text()
    assert secret.split("_")[2] not in log
    assert (folder / "root.token").read_text().strip().split("_")[2] not in log


def test_who_asks_one_node_shows_it_what_the_cluster_was_shown(serving) -> None:
    shows = ("--url", serving.url, "--tls-ca", "certs/ca.pem", "--token-file", "root.token")
    folder = serving.folder
    assert plait("put", "orders", "a", "7", *shows, folder=folder).returncode == 0
    found = plait("export", "--table", "orders", "--from", "n1", *shows, folder=folder)
    assert (found.returncode, found.stdout) == (0, '{"key":"a","value":7}\n'), found.stderr
    assert plait("drop", "orders", "--yes", *shows, folder=folder).returncode == 0
    dropped = ("--table", "orders", "--dropped", "--from", "n1")
    found = plait("export", *dropped, *shows, folder=folder)
    assert (found.returncode, found.stdout) == (0, ""), found.stderr
    refetch = plait("repair", "refetch", "--data", "d9", "--name", "n1", *shows, folder=folder)
    assert "stop it first" in refetch.stderr or "n1 runs" in refetch.stderr, refetch.stderr
