"""The log under a disk that lies: cuts at every call, failures of every call, damage of every kind.

`LOG_SEEDS=0:500` runs more, and one failing seed again.
"""

import errno
import os
import random

import pytest
from false_disk import Image
from log_runs import Held, Judge, Run, held, shrink_segments, shut, wrong_rows

from plait.base.errors import Corrupt, PlaitError
from plait.base.ports import LogWrite
from plait.host.durable_log import DurableLog
from plait.sim.false_file import patched

FIRST, LAST = map(int, os.environ.get("LOG_SEEDS", "0:4").split(":"))
SEEDS = pytest.mark.parametrize("seed", range(FIRST, LAST))
ERRORS = (errno.EIO, errno.ENOSPC)


@pytest.fixture(autouse=True)
def _small(monkeypatch) -> None:
    shrink_segments(monkeypatch)


def prepared(tmp_path, monkeypatch, seed):
    """The chance of a seed, a log on a false disk, and the judge of what is left of it."""
    rng = random.Random(seed)
    return rng, Run(tmp_path / "data", rng, monkeypatch), Judge(tmp_path)


@SEEDS
def test_a_power_cut_at_any_call_leaves_what_was_acknowledged(tmp_path, monkeypatch, seed):
    rng, run, judge = prepared(tmp_path, monkeypatch, seed)
    run.share = 1.0
    before = run.model.held()
    log = run.open()
    for step in range(70):
        run.keep()
        if step:
            run.commit(log)
        after = run.model.held()
        assert held(log) == after
        for image in run.images:
            judge.after_a_cut(image, [before, after])
        run.images.clear()
        before = after
        if rng.random() < 0.05:
            run.close()
            log = run.open()
    run.close()
    assert judge.cases > 150
    assert {"open", "pwrite", "pwritev", "fsync", "replace", "unlink"} <= set(run.calls)


class Killed(BaseException):
    """The process ends at a call."""


@SEEDS
def test_what_a_killed_process_left_unsynced_is_not_counted_before_it_is_synced(
    tmp_path, monkeypatch, seed
):
    rng, run, judge = prepared(tmp_path, monkeypatch, seed)
    log, happened = run.open(), 0

    def die(call: str) -> None:
        if call == "pwritev":
            raise Killed

    for _ in range(25):
        for _ in range(rng.randrange(3)):
            run.commit(log)
        writes, run.fails = run.draw(), die
        with pytest.raises(Killed):
            log.commit(writes)
        run.fails = lambda call: None
        run.close()
        log = run.open()
        assert log.suspicion is None
        if held(log) != run.model.held():  # it was in the system's memory: now it counts
            run.model.apply(writes)
            happened += 1
        for _ in range(4):
            judge.after_a_cut(run.disk.cut(), [run.model.held()])
    run.close()
    assert happened > 5


class Failing:
    """From one call on, so many calls fail."""

    def __init__(self, first: int, count: int, number: int) -> None:
        self._calls, self._first, self._stop, self._number = 0, first, first + count, number
        self.failed = 0

    def __call__(self, call: str) -> OSError | None:
        self._calls += 1
        if not self._first <= self._calls < self._stop:
            return None
        if self._number == errno.ENOSPC and call in ("unlink", "ftruncate"):
            return None  # what gives space back takes none
        self.failed += 1
        return OSError(self._number, os.strerror(self._number))


def _opened_on_a_bad_disk(run: Run, judge: Judge) -> DurableLog:
    """The log, opened by somebody who tries again; whatever the failures left can be opened."""
    for _ in range(20):
        try:
            return run.open()
        except PlaitError as error:
            if isinstance(error, Corrupt):
                raise
            refusal = error
            judge.after_a_failure(run.disk.cut(), [run.model.held()])
            judge.after_a_failure(run.disk.killed(), [run.model.held()])
    raise AssertionError(f"the disk is well again, and the log cannot be opened: {refusal}")


def _judged(run: Run, judge: Judge, *allowed: object) -> None:
    run.keep()
    for image in run.images:
        judge.after_a_failure(image, list(allowed))
    run.images.clear()


@SEEDS
def test_a_failed_call_loses_nothing_unsaid_and_acknowledges_nothing_false(
    tmp_path, monkeypatch, seed
):
    rng, run, judge = prepared(tmp_path, monkeypatch, seed)
    run.share = 0.3
    failures = refused = first = 0
    failing = Failing(rng.randrange(20), rng.choice((1, 1, 3)), rng.choice(ERRORS))
    run.fails = failing
    log = _opened_on_a_bad_disk(run, judge)
    for _ in range(60):
        failures += failing.failed
        # Every call of a commit has its turn, also those of a segment that begins.
        first = first % 9 + 1
        run.fails = failing = Failing(first, rng.choice((1, 1, 2, 9)), rng.choice(ERRORS))
        before, writes = run.model.held(), run.draw()
        if log.commit(writes).error is None:
            run.model.apply(writes)
            assert held(log) == run.model.held()
            _judged(run, judge, before, run.model.held())
        else:
            refused += 1
            _judge_refusal(run, judge, writes, before)
            log = _well_again(run, judge, writes)
    run.close()
    assert failures > 5
    assert refused > 3
    assert judge.cases > 60


def _judge_refusal(run: Run, judge: Judge, writes: list[LogWrite], before: Held) -> None:
    """A commit was refused: it did not happen, whatever is asked of the log now."""
    log = run.log
    assert log is not None
    assert held(log) == before
    assert log.commit(writes).error is log.poison is not None
    during, run.images = run.images, []
    for image in during:  # nobody was told yet
        judge.after_a_failure(image, [before, run.model.after(writes)])
    _judge_refused(run, judge, writes)


def _judge_refused(run: Run, judge: Judge, writes: list[LogWrite]) -> None:
    """What was refused is not in any image, unless the disk refused even to note that."""
    alone = isinstance(run.fails, Failing) and run.fails.failed == 1
    _judged(run, judge, run.model.held(), *([] if alone else [run.model.after(writes)]))


def _well_again(run: Run, judge: Judge, writes: list[LogWrite]) -> DurableLog:
    """The disk recovers after a while, and so does the log, by itself or opened again."""
    log = run.log
    assert log is not None
    now = run.model.held()
    if run.rng.random() < 0.7:
        for _ in range(12):
            error = log.recover()
            if error is None:
                break
            _judge_refused(run, judge, writes)
        assert (log.poison, log.suspicion) == (None, None)
        run.images.clear()
        _judged(run, judge, now)
        return log
    run.fails = lambda call: None
    run.close()
    log = run.open()
    run.images.clear()
    if log.suspicion is not None:
        assert not wrong_rows(log, run.model.fork(writes))
        assert log.trust([]).error is None
    if held(log) != now:
        assert held(log) == run.model.after(writes)
        run.model.apply(writes)
    return log


def _damaged(rng: random.Random, image: Image, writes: list[tuple[str, int, bytes]]) -> Image:
    """An image of which a disk that never said so has spoilt something."""
    image = dict(image)
    segments = [name for name, content in sorted(image.items()) if name.endswith(".seg")]
    there = [write for write in writes if write[0] in segments]
    name, offset, data = rng.choice(there)
    sector, content = rng.choice((512, 4096)), image[name]
    assert content is not None
    kind = rng.randrange(6)
    if kind == 0:  # bit rot, anywhere
        name = rng.choice((*segments, "log.mark"))
        spoilt = bytearray(image[name] or b"")
        spoilt[rng.randrange(64 if name == "log.mark" else len(spoilt))] ^= 1 << rng.randrange(8)
        image[name] = bytes(spoilt)
    elif kind == 1:  # cut short
        image[name] = content[: rng.randrange(len(content))]
    elif kind == 2:  # lost
        image[name] = patched(content, offset, bytes(len(data)))
    elif kind == 3:  # written elsewhere, in place of something or of nothing
        image[name] = patched(content, offset, bytes(len(data)))
        other = rng.choice(segments)
        target = rng.randrange(0, len(image[other] or b"") + sector, sector)
        image[other] = patched(image[other] or b"", target, data)
    elif kind == 4:  # a sector of something older in its place
        other, at, old = rng.choice(writes)
        start = offset - offset % sector
        image[name] = patched(content, start, patched(b"", at % sector, old)[:sector])
    else:  # a sector never arrived
        start = rng.randrange(offset, offset + len(data))
        start -= start % sector
        image[name] = patched(content, start, bytes(sector))
    return image


@SEEDS
def test_damage_is_found_or_harmless_and_no_row_is_another(tmp_path, monkeypatch, seed):
    rng, run, judge = prepared(tmp_path, monkeypatch, seed)
    log = run.open()
    for step in range(1, 91):
        run.commit(log)
        if step % 15:
            continue
        now, image = run.model.held(), run.disk.killed()
        for _ in range(20):
            _judge_damage(judge, _damaged(rng, image, run.disk.writes), run, now)
    run.close()
    assert judge.cases > 100
    assert judge.suspect > 15


def _judge_damage(judge: Judge, image: Image, run: Run, now: Held) -> None:
    log = judge.opened(image)
    if not isinstance(log, DurableLog):
        assert isinstance(log, Corrupt)
        judge.suspect += 1
        return
    assert not wrong_rows(log, run.model)
    if log.suspicion is not None:
        judge.suspect += 1
    else:
        assert log.catalog.extents == now[0]
    shut(log)


@SEEDS
def test_a_segment_that_begins_as_another_does_is_not_taken_for_it(tmp_path, monkeypatch, seed):
    rng, run, judge = prepared(tmp_path, monkeypatch, seed)
    log = run.open()
    for step in range(1, 61):
        run.commit(log)
        image = run.disk.killed()
        begun = [name for name, data in sorted(image.items()) if name.endswith("seg") and any(data)]
        if step % 4 or len(begun) < 2:
            continue
        name, other = rng.sample(begun, 2)
        start = (image[other] or b"")[:512]
        spoilt = {**image, name: patched(image[name] or b"", 0, start)}
        _judge_damage(judge, spoilt, run, run.model.held())
    run.close()
    assert judge.suspect > 0
