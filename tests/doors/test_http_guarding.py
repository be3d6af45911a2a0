"""Whose name the door goes by, whose pages may write, what its pages may load, where it is
mounted."""

import urllib.parse
from pathlib import Path

import pytest
from doors import client_of, embedded
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

import plait
from plait.doors.http.guarding import Guarding
from plait.doors.http.problems import HttpProblem
from plait.doors.http.static import Files


@pytest.mark.parametrize(
    ("host", "answers"),
    [
        ("127.0.0.1:7401", True), ("[::1]:80", True), ("localhost", True), ("LOCALHOST:1", True),
        ("a.localhost", True), ("store.example", True), ("192.168.1.7", True), (None, True),
        ("evil.example", False), ("127.0.0.1.evil.example", False), ("", False), ("x@y", False),
        ("localhost.evil.example", False), ("[::1", True),
    ],
)  # fmt: skip
def test_a_door_answers_to_addresses_and_to_names_that_it_was_told(
    host: str | None, answers: bool
) -> None:
    guarding = Guarding(["Store.Example"])
    if answers:
        guarding.check("GET", "http", host, None)
    else:
        with pytest.raises(HttpProblem) as caught:
            guarding.check("GET", "http", host, None)
        assert caught.value.status == 421


@pytest.mark.parametrize(
    ("method", "origin", "allowed"),
    [
        ("POST", None, True),
        ("POST", "http://127.0.0.1:8000", True),
        ("POST", "http://127.0.0.1:8001", False),
        ("POST", "http://localhost:8000", False),
        ("POST", "https://other.example", True),
        ("WEBSOCKET", "http://evil.example", False),
        ("DELETE", "null", False),
        ("PUT", "http://[", False),
        ("PUT", "http://127.0.0.1:99999", False),
        ("GET", "http://evil.example", True),
    ],
)
def test_only_pages_of_this_server_write(method: str, origin: str | None, allowed: bool) -> None:
    guarding = Guarding((), lambda: ("https://other.example",))
    if allowed:
        guarding.check(method, "http", "127.0.0.1:8000", origin)
    else:
        with pytest.raises(HttpProblem) as caught:
            guarding.check(method, "http", "127.0.0.1:8000", origin)
        assert caught.value.status == 403


async def test_no_answer_lets_another_page_read_it(tmp_path: Path) -> None:
    async with embedded(tmp_path / "d") as (_, app), client_of(app) as client:
        answer = await client.get("/v1/tables", headers={"Origin": "http://evil.example"})
        assert answer.status_code == 200
        assert not [name for name in answer.headers if name.startswith("access-control")]
        asked = await client.options("/v1/tables", headers={"Origin": "http://evil.example"})
        assert asked.status_code == 405


PATHS = [
    "/site/../secret", "/site/%2e%2e/secret", "/site/..%2fsecret", "/site/sub/../../secret",
    "/site/.hidden", "/site/sub/.hidden", "/site//secret", "/site/sub%00.html", "/site/link",
    "/site/..\\secret", "/site/%5c..%5csecret", "/site/C:/x", "/site/" + "a/" * 3000,
    "/site/\ud800", "/site/.map", "/site.map",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=range(len(PATHS)))
async def test_no_path_leads_out_of_its_folder(tmp_path: Path, path: str) -> None:
    site = tmp_path / "site"
    (site / "sub").mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (site / ".hidden").write_text("secret")
    (site / "sub" / ".hidden").write_text("secret")
    (site / "link").symlink_to(tmp_path / "secret")
    (site / "index.html").write_text("page")
    (tmp_path / "site.map").write_text("secret")
    files = Files({"/site/": site}, ["/site/", "/site/main.js"])
    assert await files.serve("GET", "/site/", {}) is not None
    for one in (path, urllib.parse.unquote(path)):
        assert await files.serve("GET", one, {}) is None


async def test_pages_are_told_by_kind_kept_by_etag_and_bound_to_this_server(
    tmp_path: Path,
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("<p>page")
    (site / "a.js").write_text("1")
    mounts = {"/apps/mine": site}
    async with embedded(tmp_path / "d", mounts=mounts) as (_, app), client_of(app) as client:
        page = await client.get("/apps/mine/")
        assert page.text == "<p>page"
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'self'" in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-cache"
        script = await client.get("/apps/mine/a.js")
        assert script.headers["content-type"] == "text/javascript; charset=utf-8"
        again = await client.get(
            "/apps/mine/a.js", headers={"If-None-Match": script.headers["etag"]}
        )
        assert (again.status_code, again.content) == (304, b"")
        head = await client.head("/apps/mine/a.js")
        assert (head.content, head.headers["content-length"]) == (b"", "1")
        (site / "a.js").write_text("22")
        assert (await client.get("/apps/mine/a.js")).text == "22"
        assert (await client.get("/apps/mine")).headers["location"] == "mine/"


async def test_an_app_is_mounted_for_the_store_and_extra_routes_come_first(
    tmp_path: Path,
) -> None:
    def site(store: plait.Store) -> Starlette:
        async def show(request: object) -> PlainTextResponse:
            return PlainTextResponse(store.here.cluster)

        return Starlette(routes=[Route("/", show), Route("/feed", show)])

    async def hand(request: object) -> PlainTextResponse:
        return PlainTextResponse("cut")

    extra = [Route("/v1/demo/cut", hand, methods=["POST"])]
    async with (
        embedded(tmp_path / "d", mounts={"/apps/x": site}, extra=extra) as (store, app),
        client_of(app) as client,
    ):
        assert (await client.get("/apps/x/feed")).text == store.here.cluster
        assert (await client.post("/v1/demo/cut")).text == "cut"
        foreign = await client.post("/v1/demo/cut", headers={"Origin": "http://evil.example"})
        assert foreign.status_code == 403


async def test_a_door_is_mounted_below_a_prefix(tmp_path: Path) -> None:
    async with plait.open(tmp_path / "d") as store:
        outer = Starlette(routes=[Mount("/data/store", plait.asgi(store))])
        async with client_of(outer) as client:
            assert (await client.get("/data/store/healthz")).status_code == 200
            assert (await client.put("/data/store/v1/tables/films")).status_code == 201
            path = "/data/store/v1/tables/films/rows/a%2Fb"
            assert (await client.put(path, json=1)).status_code == 200
            assert (await client.get(path)).json() == 1
            assert (await client.get("/data/store/v1/tables/films/count")).json() == {"count": 1}
            assert (await client.get("/data/store/client.js")).status_code == 200


def test_the_package_is_imported_without_the_web_extra() -> None:
    import subprocess
    import sys

    code = (
        "import plait, sys;"
        "assert not {'starlette', 'uvicorn', 'prometheus_client'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


async def test_metrics_are_prometheus_text(tmp_path: Path) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    async with embedded(tmp_path / "d") as (store, app), client_of(app) as client:
        films = await store.table("films", plait.Consensus())
        await films.put("a", 1)
        await store.documents("notes")
        text = (await client.get("/metrics")).text
    found = {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.labels.get("line") in (None, "consensus")
    }
    assert found["plait_line_commits_total"] == 1
    assert found["plait_line_commit_seconds_total"] > 0
    assert found["plait_line_commit_latency_seconds_count"] == 1
    assert found["plait_log_commits_total"] > 0
    assert found["plait_line_applied_position"] > 0
    for name in (
        "plait_line_lag_records", "plait_line_lag_bytes", "plait_line_lag_seconds",
        "plait_line_elections_total", "plait_line_conflicts_total", "plait_line_rescued",
        "plait_documents_quarantined_batches", "plait_log_queue", "plait_http_answers_total",
        "plait_documents_unsent_messages",
    ):  # fmt: skip
        assert name in found or name.startswith(("plait_line_elec", "plait_http_ans")), name
