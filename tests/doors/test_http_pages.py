"""How files of pages are handed out: modules joined, compressed, kept; and what stays as it is."""

import json
import re
import subprocess
from pathlib import Path

import httpx
import pytest
from doors import client_of, embedded
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Mount

from plait.apps import sites
from plait.doors.http.door import WEB
from plait.doors.http.joining import NotJoinable, join_modules, map_of
from plait.doors.http.pages import Pages
from plait.doors.http.static import takes_gzip
from tests.web.node_runner import node

APPS = WEB.parents[1] / "apps"
FIRSTS = [
    WEB / "client.js", WEB / "console" / "main.js",
    APPS / "notes" / "web" / "main.js", APPS / "calendar" / "web" / "app.js",
]  # fmt: skip
ALONE = {"offline.js", "worker.js", "scheme.js"}  # workers, and a script that comes before all


def run_module(folder: Path, text: str) -> str:
    """What a module of a folder says."""
    file = folder / "run.mjs"
    file.write_text(text)
    done = subprocess.run([node(), str(file)], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return done.stdout.decode()


def written(folder: Path, **modules: str) -> Path:
    """Modules in a folder; the first of them."""
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text)
    return folder / f"{next(iter(modules))}.js"


# ---------------------------------------------------------------------------------- joining


@pytest.mark.parametrize("first", FIRSTS, ids=lambda path: str(path.relative_to(WEB.parents[1])))
def test_every_module_of_a_page_is_joined_once_and_none_is_left_over(first: Path) -> None:
    parts = join_modules(first).parts
    assert len(set(parts)) == len(parts)
    folder = first.with_suffix("") if first.name == "client.js" else first.parent
    there = {path for path in folder.glob("*.js") if path.name not in ALONE}
    assert set(parts) | {first} == there | {first}


def test_the_joined_replica_exports_what_the_single_modules_do(tmp_path: Path) -> None:
    (tmp_path / "joined.mjs").write_text(join_modules(WEB / "client.js").text)
    names = run_module(
        tmp_path,
        f"""
        import * as joined from "./joined.mjs";
        import * as single from {json.dumps((WEB / "client.js").as_uri())};
        const told = (all) => Object.keys(all).sort().map((name) => [name, typeof all[name]]);
        console.log(JSON.stringify([told(joined), told(single)]));
        const note = joined.register();
        """,
    )
    joined, single = json.loads(names)
    assert joined == single
    assert len(joined) > 40


def test_whatever_modules_may_say_of_each_other_is_joined(tmp_path: Path) -> None:
    first = written(
        tmp_path,
        a="""import { two, three as drei } from "./b.js";
import * as all from "./b.js";
import "./c.js";
export { two as zwei } from "./b.js";
export * from "./c.js";
export const sum = two + drei() + all.two;
export async function* later() { yield sum; }
export class Kind {}
const hidden = 5;
export {
  hidden as shown,
};
""",
        b="export const two = 2;\nexport function three() { return 3; }",
        c='/** @type {import("./b.js").T} */\nexport function* count() { yield 1; }\n// import x\n',
    )
    (tmp_path / "joined.mjs").write_text(join_modules(first).text)
    said = run_module(
        tmp_path,
        """import * as all from "./joined.mjs";
        const names = Object.keys(all).sort().join();
        console.log(names, all.sum, all.zwei, all.shown, all.Kind.name);""",
    )
    assert said == "Kind,count,later,shown,sum,zwei 7 2 5 Kind\n"


@pytest.mark.parametrize(
    "modules",
    [
        {"a": 'import { b } from "./b.js";', "b": 'import { a } from "./a.js";'},
        {"a": "export default 1;"},
        {"a": "export let a = 1;"},
        {"a": "export const { a } = {};"},
        {"a": 'import a from "./b.js";', "b": ""},
        {"a": 'const b = await import("./b.js");', "b": ""},
        {"a": "const at = import.meta.url;"},
        {"a": 'import { b } from "b";'},
        {"a": 'import { b } from "../b.js";'},
        {"a": 'import { b } from "./b.js"', "b": ""},
    ],
    ids=range(10),
)
def test_what_is_written_otherwise_is_not_joined(tmp_path: Path, modules: dict[str, str]) -> None:
    with pytest.raises(NotJoinable):
        join_modules(written(tmp_path, **modules))


WORDS = ["import", "export", "{", "}", "a", "b as c", ",", "*", " as d", "from", '"./b.js"', ";",
         "\n", " ", "const ", "class ", '"/c.js"', "//", "/*", "import(", "default"]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=30).map("".join) | st.text(max_size=60))
def test_any_text_is_joined_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("modules", numbered=True)
    try:
        joined = join_modules(written(folder, a=text, b="export const a = 1, b = 2;"))
    except NotJoinable:
        return
    except UnicodeError:
        return  # no text of a file
    assert joined.parts[-1] == folder / "a.js"
    assert json.loads(map_of(joined, folder))["version"] == 3


def test_a_map_says_which_line_of_which_module_a_line_is(tmp_path: Path) -> None:
    first = WEB / "client.js"
    joined = join_modules(first)
    lines = joined.text.split("\n")
    found = json.loads(
        run_module(
            tmp_path,
            f"""import {{ SourceMap }} from "node:module";
            const map = new SourceMap({map_of(joined, first.parent)});
            console.log(JSON.stringify([...Array({len(lines)}).keys()].map((line) => {{
              const {{ originalSource: file, originalLine: at }} = map.findEntry(line, 0);
              return [file, at];
            }})));""",
        )
    )
    modules = {
        part: (first.parent / part).read_text().split("\n")
        for part in json.loads(map_of(joined, first.parent))["sources"]
    }
    told = 0
    for line, (file, at) in zip(lines, found, strict=True):
        if file is not None and line.startswith(("  ", "class ", "function ")):
            assert modules[file][at].removeprefix("export ") == line
            told += 1
    assert told > 10_000


# ---------------------------------------------------------------------------------- serving


async def test_a_page_names_every_module_that_it_needs_also_below_a_prefix(tmp_path: Path) -> None:
    mounts = {site.path: site.app for site in sites()}
    async with embedded(tmp_path / "d", mounts=mounts) as (_, door):
        outer = Starlette(routes=[Mount("/data/store", door)])
        pages = [(door, "/"), (outer, "/data/store/")] + [(door, f"{one}/") for one in mounts]
        for app, path in pages:
            async with client_of(app) as client:
                await _check_modules(client, path)


async def _check_modules(client: httpx.AsyncClient, path: str) -> None:
    page = (await client.get(path)).text
    named = {
        str(httpx.URL(path).join(at))
        for at in re.findall(r'<link rel="modulepreload" href="(.+?)"', page)
    }
    begins = re.findall(r'<script type="module" src="(.+?)"', page)
    assert named
    assert len(begins) == 1
    for at in named | {str(httpx.URL(path).join(begins[0]))}:
        module = await client.get(at)
        assert module.status_code == 200, at
        imported = re.findall(r'^import .*"(.+?)";', module.text, re.M)
        assert {str(httpx.URL(at).join(one)) for one in imported} <= named, at


async def test_files_are_compressed_for_who_can_read_that(tmp_path: Path) -> None:
    async with embedded(tmp_path / "d") as (_, app), client_of(app) as client:
        plain = await client.get("/client.js", headers={"Accept-Encoding": "identity"})
        packed = await client.get("/client.js", headers={"Accept-Encoding": "br, gzip"})
        assert "content-encoding" not in plain.headers
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.content == plain.content
        assert int(packed.headers["content-length"]) < len(plain.content) / 3
        assert plain.headers["etag"] != packed.headers["etag"]
        for answer in (plain, packed):
            assert answer.headers["vary"] == "Accept-Encoding"
            assert "default-src 'self'" in answer.headers["content-security-policy"]
        head = await client.head("/client.js", headers={"Accept-Encoding": "gzip"})
        assert head.headers["content-length"] == packed.headers["content-length"]
        for tag in (packed.headers["etag"], f'"x", W/{packed.headers["etag"]}'):
            known = {"If-None-Match": tag, "Accept-Encoding": "gzip"}
            assert (await client.get("/client.js", headers=known)).status_code == 304
        parts = await client.get("/client.js.map")
        assert "client/shelf.js" in parts.json()["sources"]
        for part in parts.json()["sources"]:
            assert (await client.get(f"/{part}")).status_code == 200


@pytest.mark.parametrize(
    ("accepted", "takes"),
    [
        ("gzip", True), ("br, GZIP;q=0.5", True), ("x-gzip", True), ("gzip ; q=1.0", True),
        ("", False), ("identity", False), ("gzip;q=0", False), ("gzip; q=0.000", False),
        ("gzipped", False), ("*", False), (",;=,q=", False),
    ],
)  # fmt: skip
def test_gzip_is_for_who_takes_it(accepted: str, takes: bool) -> None:
    assert takes_gzip(accepted) == takes


async def test_an_app_is_a_folder_whose_files_are_served_as_they_are_now(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("<p>page")
    written(site, main='import { b } from "./b.js";\nconsole.log(b);', b="export const b = 1;")
    outer = Starlette(routes=[Mount("/apps/mine", Pages(site, joined=["main.js"]))])
    async with client_of(outer) as client:
        assert (await client.get("/apps/mine/")).text == "<p>page"
        assert "b = 1" in (await client.get("/apps/mine/main.js")).text
        written(site, b="export const b = 22;")
        assert "b = 22" in (await client.get("/apps/mine/main.js")).text
        written(site, b="export default 3;")
        assert (await client.get("/apps/mine/main.js")).text == (site / "main.js").read_text()
        for path in ("nothing.js", "main.js.maps", "b.js.map", ".map", ""):
            found = await client.get(f"/apps/mine/{path}/x")
            assert found.status_code == 404
            assert found.headers["content-type"] == "application/problem+json"
        assert (await client.post("/apps/mine/")).status_code == 405


async def test_an_app_without_its_slash_is_found_with_it(tmp_path: Path) -> None:
    mounts = {site.path: site.app for site in sites()}
    async with embedded(tmp_path / "d", mounts=mounts) as (_, door), client_of(door) as client:
        for at in mounts:
            answer = await client.get(f"{at}?name=Ann")
            assert answer.status_code == 307
            assert httpx.URL(at).join(answer.headers["location"]).path == f"{at}/"
            assert "name=Ann" in answer.headers["location"]
            assert (await client.get(f"{at}/")).status_code == 200


def test_what_stands_beside_a_pages_folder_is_still_imported(tmp_path: Path) -> None:
    for folder in ("page", "page/parts", "kit"):
        (tmp_path / folder).mkdir()
    (tmp_path / "kit" / "token.js").write_text("export const token = 7;\n")
    (tmp_path / "page" / "parts" / "one.js").write_text(
        'import { token } from "../../kit/token.js";\nexport const one = token;\n'
    )
    first = tmp_path / "page" / "main.js"
    first.write_text('import { one } from "./parts/one.js";\nconsole.log(one);\n')
    joined = join_modules(first)
    assert 'from "../kit/token.js";' in joined.text
    assert [part.name for part in joined.parts] == ["one.js", "main.js"]
