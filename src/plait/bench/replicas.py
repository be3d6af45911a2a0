"""What replication costs and gives: follower lag under load, and reads from followers."""

import asyncio
import sys
from typing import Any

import msgspec

import plait
from plait.bench.cluster import ClusterHandle
from plait.bench.load import ONE, ROWS_READ, VALUE
from plait.bench.measure import Sample, percentile
from plait.bench.plait_client import TABLE, OneStore

POLL_S = 0.05


async def lag_under_load(cluster: ClusterHandle, in_flight: int, seconds: float) -> dict[str, Any]:
    """Followers' lag as status shows it, polled while writers write."""
    writing = asyncio.create_task(OneStore(cluster).measure(in_flight, seconds))
    lags: list[float] = []
    records: list[float] = []
    async with plait.connect(cluster.url) as store:
        table = await store.table(TABLE, cluster.settings)
        while not writing.done():
            for lag in _follower_lags(await store.status(), table.line):
                lags.append(lag["seconds"])
                records.append(lag["records"])
            await asyncio.sleep(POLL_S)
    under = await writing
    lags.sort()
    records.sort()
    return {
        "mode": ONE,
        "in_flight": in_flight,
        "writes_per_s": under.per_s,
        "polls": len(lags),
        "lag_p50_ms": percentile(lags, 0.5) * 1000,
        "lag_max_ms": lags[-1] * 1000,
        "records_p50": percentile(records, 0.5),
        "records_max": records[-1],
    }


def _follower_lags(status: dict[str, Any], line: str) -> list[dict[str, float]]:
    lines = [node["lines"][line] for node in status["nodes"].values() if "lines" in node]
    return [one["lag"] for one in lines if one["role"] == "follower" and one["lag"]["seconds"] >= 0]


async def follower_reads(cluster: ClusterHandle, seconds: float) -> list[dict[str, Any]]:
    """Reads a second by as many client processes as nodes: all at one node, then one at each."""
    keys = [f"read-{number}" for number in range(ROWS_READ)]
    async with plait.connect(cluster.url) as store:
        table = await store.table(TABLE, cluster.settings)
        await table.put_many(dict.fromkeys(keys, VALUE), acks="all")
    addresses = list(cluster.addresses.values())
    figures = []
    for nodes, targets in ((1, addresses[:1] * len(addresses)), (len(addresses), addresses)):
        samples = await asyncio.gather(*(_read_from(address, seconds, keys) for address in targets))
        figures.append(
            {
                "nodes": nodes,
                "clients": len(targets),
                "reads_per_s": sum(one.per_s for one in samples),
                "p50_ms": max(one.p50_ms for one in samples),
                "p99_ms": max(one.p99_ms for one in samples),
            }
        )
    return figures


async def _read_from(address: str, seconds: float, keys: list[str]) -> Sample:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "plait.bench.reader", address, "nearest", str(seconds)),
        *keys,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise RuntimeError(f"a reader failed: {errors.decode(errors='replace')[-2000:]}")
    return msgspec.json.decode(output, type=Sample)


async def start_time_s(folder: str, key: str) -> float:
    """From starting a Python process until it has read `key` from the store in `folder`."""
    started = asyncio.get_running_loop().time()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "plait.bench.opener", folder, key),
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        line = await process.stdout.readline()
        took = asyncio.get_running_loop().time() - started
    finally:
        await process.wait()
    if line.strip() != b"found":
        raise RuntimeError(f"the reopened store answered {line!r}")
    return took
