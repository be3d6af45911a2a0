"""Public histories with known answers; skipped where the shared data are not there."""

from pathlib import Path

import pytest

from plait.check import check_history, load_history

HISTORIES = Path(__file__).resolve().parents[3] / "shared" / "data" / "histories"
LINEARIZABLE = {2, 5, 7, 18, 25, 31, 38, 45, 48, 49}

pytestmark = pytest.mark.skipif(
    not HISTORIES.is_dir(), reason="SKIPPED: the public histories are not beside the project"
)


@pytest.mark.parametrize("number", range(51))
def test_a_jepsen_history_of_etcd_gets_its_known_verdict(number):
    history = load_history(HISTORIES / "jepsen-etcd" / f"etcd_{number:03}.log.gz")
    assert history.format == "jepsen"
    verdict = check_history(history)
    assert verdict.model == "cas-register"
    assert verdict.linearizable is (number in LINEARIZABLE)
    assert (verdict.counterexample is None) is bool(verdict.linearizable)


@pytest.mark.parametrize("clients", ["c01", "c10"])
@pytest.mark.parametrize("kind", ["ok", "bad"])
def test_a_key_value_history_gets_its_known_verdict(clients, kind):
    history = load_history(HISTORIES / "kv" / f"{clients}-{kind}.txt")
    assert history.format == "kv"
    assert check_history(history).linearizable is (kind == "ok")
