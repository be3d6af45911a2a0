"""Tables over HTTP: rows, versions, pages, transactions, sessions."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest
from doors import client_of, embedded


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with embedded(tmp_path / "d") as (_, app), client_of(app) as client:
        assert (await client.put("/v1/tables/films")).status_code == 201
        yield client


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    told: dict[str, Any] = answer.json()
    assert (answer.status_code, told["code"]) == (status, code), told
    assert answer.headers["content-type"] == "application/problem+json"
    assert told["status"] == status
    return told


async def test_what_was_put_can_be_got_and_deleted(client: httpx.AsyncClient) -> None:
    put = await client.put("/v1/tables/films/rows/f1", json={"title": "Blockbuster"})
    assert put.status_code == 200
    got = await client.get("/v1/tables/films/rows/f1")
    assert got.json() == {"title": "Blockbuster"}
    assert got.headers["etag"] == put.headers["etag"] == f'"{put.json()["version"]}"'
    assert (await client.delete("/v1/tables/films/rows/f1")).status_code == 204
    problem(await client.get("/v1/tables/films/rows/f1"), 404, "NotFound")


async def test_a_key_may_have_slashes_and_anything_else(client: httpx.AsyncClient) -> None:
    for key in ("a/b", "ü ?#%", "watch", "a%2Fb", "💡"):
        path = "/v1/tables/films/rows/" + quote(key, safe="")
        put = await client.put(path, json=key)
        assert put.status_code == 200, put.text
        assert (await client.get(path)).json() == key
    rows = (await client.get("/v1/tables/films/rows")).json()["rows"]
    assert {row["key"] for row in rows} >= {"a/b", "ü ?#%", "watch", "a%2Fb", "💡"}


async def test_a_version_is_compared_and_set(client: httpx.AsyncClient) -> None:
    path = "/v1/tables/films/rows/f1"
    first = await client.put(path, json=1, headers={"If-None-Match": "*"})
    problem(await client.put(path, json=2, headers={"If-None-Match": "*"}), 412, "Conflict")
    etag = first.headers["etag"]
    second = await client.put(path, json=2, headers={"If-Match": etag})
    assert second.status_code == 200
    lost = await client.put(path, json=3, headers={"If-Match": etag})
    problem(lost, 412, "Conflict")
    assert lost.headers["etag"] == second.headers["etag"]
    assert lost.json()["details"]["as_wanted"] is False
    repeated = await client.put(path, json=2, headers={"If-Match": etag})
    assert repeated.json()["details"]["as_wanted"] is True
    true = await client.put("/v1/tables/films/rows/t", json=1)
    other = {"If-Match": f'"{int(true.headers["etag"][1:-1]) + 1}"'}
    truly = await client.put("/v1/tables/films/rows/t", json=True, headers=other)
    assert truly.json()["details"]["as_wanted"] is False
    problem(await client.delete(path, headers={"If-Match": etag}), 412, "Conflict")
    unchanged = await client.get(path, headers={"If-None-Match": second.headers["etag"]})
    assert unchanged.status_code == 304
    problem(await client.put(path, json=3, headers={"If-Match": "W/nonsense"}), 400, "BadRequest")


@pytest.mark.parametrize("reverse", ["false", "true"])
@pytest.mark.parametrize("within", [{}, {"prefix": "k"}, {"start": "k03", "stop": "k15"}])
async def test_a_scan_goes_page_by_page(
    client: httpx.AsyncClient, within: dict[str, str], reverse: str
) -> None:
    for number in range(20):
        await client.put(f"/v1/tables/films/rows/k{number:02}", json=number)
    found: list[str] = []
    query: dict[str, str] = {**within}
    while True:
        answer = await client.get(
            "/v1/tables/films/rows", params={**query, "limit": "7", "reverse": reverse}
        )
        page = answer.json()
        found += [row["key"] for row in page["rows"]]
        if page["cursor"] is None:
            break
        query = {"cursor": page["cursor"]}
    wanted = [f"k{n:02}" for n in (range(3, 15) if "start" in within else range(20))]
    assert found == (wanted if reverse == "false" else wanted[::-1])
    assert (await client.get("/v1/tables/films/count")).json() == {"count": 20}


async def test_a_transaction_writes_all_or_nothing(client: httpx.AsyncClient) -> None:
    await client.put("/v1/tables/more")
    rows = "/v1/tables/films/rows"
    version = (await client.put(f"{rows}/a", json=1)).json()["version"]
    body = {
        "reads": [
            {"table": "films", "key": "a", "version": version},
            {"table": "films", "key": "absent", "version": 0},
        ],
        "writes": [
            {"table": "films", "key": "a", "delete": True},
            {"table": "more", "key": "b", "value": None},
        ],
    }
    done = await client.post("/v1/transactions", json=body)
    assert done.status_code == 200, done.text
    assert (await client.get("/v1/tables/more/rows/b")).json() is None
    problem(await client.get(f"{rows}/a"), 404, "NotFound")
    told = problem(await client.post("/v1/transactions", json=body), 409, "Conflict")
    assert told["definite"] is True
    problem(await client.post("/v1/transactions", json={}), 400, "BadRequest")


async def test_a_session_reads_its_own_writes(client: httpx.AsyncClient) -> None:
    put = await client.put("/v1/tables/films/rows/a", json=1)
    token = put.headers["plait-session"]
    got = await client.get("/v1/tables/films/rows/a", headers={"Plait-Session": token})
    assert got.json() == 1
    assert got.headers["plait-session"]
    bad = await client.get("/v1/tables/films/rows/a", headers={"Plait-Session": "nonsense"})
    problem(bad, 400, "BadValue")


async def test_messagepack_carries_what_json_cannot(client: httpx.AsyncClient) -> None:
    packed = {"Content-Type": "application/msgpack", "Accept": "application/msgpack"}
    value = {"bytes": b"\x00\xff", "n": 2**63}
    path = "/v1/tables/films/rows/a"
    await client.put(path, content=msgspec.msgpack.encode(value), headers=packed)
    got = await client.get(path, headers=packed)
    assert msgspec.msgpack.decode(got.content) == value
    assert (await client.get(path)).json() == {"bytes": "AP8=", "n": 2**63}


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code"),
    [
        ("GET", "/v1/tables/absent/rows/a", {}, 404, "NoSuchCollection"),
        ("GET", "/v1/tables/films/rows?limit=0", {}, 400, "BadRequest"),
        ("GET", "/v1/tables/films/rows?limit=x", {}, 400, "BadRequest"),
        ("GET", "/v1/tables/films/rows?limit=1&limit=2", {}, 400, "BadRequest"),
        ("GET", "/v1/tables/films/rows?nonsense=1", {}, 400, "BadRequest"),
        ("GET", "/v1/tables/films/rows?cursor=!!", {}, 400, "BadRequest"),
        ("GET", "/v1/tables/films/rows?prefix=a&start=b", {}, 422, "BadSettings"),
        ("GET", "/v1/tables/films/rows?read=anybody", {}, 400, "BadRequest"),
        ("GET", "/v1/tables/films/watch?from=x", {}, 400, "BadValue"),
        ("PUT", "/v1/tables/films/rows/a", {"content": b"{"}, 400, "BadRequest"),
        ("PUT", "/v1/tables/films/rows/a", {"content": b"[" * 99999}, 400, "BadRequest"),
        ("PUT", "/v1/tables/films/rows/a", {"content": b"1" * 9_000_000}, 413, "BodyTooLarge"),
        ("PUT", "/v1/tables/films/rows/a", {"content": b"1" * 400}, 400, "BadValue"),
        ("PUT", "/v1/tables/films/rows/a?acks=nobody", {"json": 1}, 422, "BadSettings"),
        (
            "PUT", "/v1/tables/films/rows/a",
            {"content": b"a=b", "headers": {"Content-Type": "text/plain"}},
            415, "UnknownContentType",
        ),
        ("PUT", "/v1/tables/films", {"json": {"mode": "consensus"}}, 422, "BadSettings"),
        ("PUT", "/v1/tables/%00", {}, 422, "BadSettings"),
        ("PATCH", "/v1/tables/films", {}, 405, "MethodNotAllowed"),
        ("GET", "/v1/tables/%ff", {}, 400, "BadRequest"),
        ("GET", "/v1/nothing", {}, 404, "NotFound"),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_told_as_a_problem(
    client: httpx.AsyncClient, method: str, path: str, options: Any, status: int, code: str
) -> None:
    problem(await client.request(method, path, **options), status, code)
