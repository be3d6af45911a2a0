"""The OpenAPI page is true: whatever is asked, the answer is one that the page tells of."""

import asyncio
import threading
from collections.abc import Iterator

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import plait
from plait import Consensus
from plait.doors.http.door import asgi
from plait.doors.http.limits import HttpLimits
from plait.doors.http.operations import OPERATIONS
from plait.doors.http.serving import listening

EXAMPLES = 12


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server in a thread, with something in it."""
    ready, stop = threading.Event(), threading.Event()
    found: list[str] = []

    async def serve() -> None:
        async with plait.open(tmp_path_factory.mktemp("d")) as store:
            films = await store.table("films", Consensus())
            await films.put("f1", 1)
            notes = await store.documents("notes")
            notes["n1"]["title"] = "x"
            door = asgi(store, limits=HttpLimits(request_s=10))
            async with listening(door, "127.0.0.1:0") as bound:
                found.append(f"http://{bound}")
                ready.set()
                while not stop.is_set():
                    await asyncio.sleep(0.05)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(20)
    yield found[0]
    stop.set()
    thread.join(20)


PATHS = sorted((operation.method, operation.path) for operation in OPERATIONS if not operation.long)


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
KNOWN = {"table": "films", "collection": "notes", "key": "n1", "node": "n1"}
WHOLE = {"/v1/tables/{table}", "/v1/documents/{collection}"}  # would drop what others need


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_no_answer_is_a_servers_error_or_undocumented(base: str, method: str, path: str) -> None:
    schema = schemathesis.openapi.from_url(f"{base}/v1/openapi.json")
    operation = schema[path][method.lower()]
    cases = st.one_of(
        operation.as_strategy(generation_mode=mode)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    )

    @seed(20260101)
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=cases, known=st.booleans())
    def run(case: schemathesis.Case, known: bool) -> None:
        if known and case.path_parameters and not (method == "DELETE" and path in WHOLE):
            case.path_parameters |= {
                name: KNOWN[name] for name in case.path_parameters if name in KNOWN
            }
        case.call_and_validate(checks=CHECKS)

    run()


def test_the_page_is_openapi_and_names_every_operation(base: str) -> None:
    page = httpx.get(f"{base}/v1/openapi.json").json()
    assert page["openapi"] == "3.1.0"
    ids = [one["operationId"] for place in page["paths"].values() for one in place.values()]
    assert len(ids) == len(set(ids)) == len(OPERATIONS)
