"""Clusters that speak TLS: members and clients that show who they are, and those that do not."""

import asyncio
import logging
from pathlib import Path

import pytest
from members import Members, free_port

import plait
from plait import Consensus, Eventual
from plait.base.errors import BadCertificate, BadSettings, NotSignedIn, Unavailable
from plait.client.limits import ClientLimits
from plait.node.local import Local
from tests.tls_files import Papers


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    return Papers(tmp_path / "certs")


@pytest.fixture
async def three(papers: Papers, tmp_path: Path):
    cluster = Members(tmp_path)
    cluster.tls = {name: papers.of("node", name) for name in cluster.addresses}
    await cluster.start()
    yield cluster
    await cluster.close()


class Note(plait.Document):
    likes: int = plait.Counter()


async def test_a_cluster_over_tls_does_all_that_one_without_does(three, papers) -> None:
    async with plait.connect(three.url, tls=papers.of("client", "ann")) as store:
        table = await store.table("accounts", Consensus())
        await asyncio.gather(*(table.put(f"k{i}", i) for i in range(100)))
        assert await table.count() == 100
        notes = await store.documents("notes", Note, Eventual())
        notes["a"].likes += 2
        await store.flush()
        await three.stop("n1")
        await table.put("k0", "still there")
        assert await table.get("k0") == "still there"


async def test_a_node_joins_over_tls(papers, tmp_path) -> None:
    cluster = Members(tmp_path, 1)
    cluster.tls = {"n1": papers.of("node", "n1"), "n2": papers.of("node", "n2")}
    await cluster.start()
    await cluster.add("n2")
    address = f"plait+tls://{cluster.addresses['n1']}"
    async with plait.connect(address, tls=papers.of("client", "ann")) as store:
        await store.join("n2", cluster.addresses["n2"])
        assert sorted(row["name"] for row in await store.members()) == ["n1", "n2"]
    await cluster.close()


async def test_clients_without_a_good_certificate_hear_why_at_once(three, papers, tmp_path) -> None:
    strange = Papers(tmp_path / "others").of("client", "ann")
    for tls, why in (
        (papers.nobody, "wants a certificate"),
        (papers.expired("client", "old"), "the certificate shown here has expired"),
        (plait.Tls(papers.nobody.ca, strange.cert, strange.key), "not believed there"),
        (strange, "of another authority"),
    ):
        async with asyncio.timeout(30):
            with pytest.raises(BadCertificate, match=why):
                async with plait.connect(three.url, tls=tls):
                    pass


async def test_a_client_that_speaks_no_tls_hears_that_it_has_to(three) -> None:
    plain = three.url.replace("plait+tls", "plait")
    with pytest.raises(BadCertificate, match=r"only TLS is spoken here: connect to plait\+tls"):
        async with plait.connect(plain):
            pass


async def test_an_address_that_wants_tls_is_not_spoken_to_without() -> None:
    with pytest.raises(BadSettings, match="name the authority"):
        async with plait.connect("plait+tls://127.0.0.1:1"):
            pass


async def test_a_client_that_wants_tls_does_not_go_on_without(tmp_path, papers) -> None:
    plain = Members(tmp_path, 1)
    await plain.start()
    limits = ClientLimits(start_s=0.5)
    with pytest.raises(Unavailable, match="does it speak TLS"):
        async with plait.connect(plain.url, tls=papers.of("client", "ann"), limits=limits):
            pass
    await plain.close()


async def test_a_member_that_shows_anothers_certificate_is_let_in_by_nobody(
    papers, tmp_path, caplog
) -> None:
    """With n1 gone too there is no majority: n2, in truth n3's machine, counts for nothing."""
    cluster = Members(tmp_path)
    cluster.tls = {name: papers.of("node", name) for name in cluster.addresses}
    cluster.tls["n2"] = cluster.tls["n3"]
    with caplog.at_level(logging.ERROR, "plait.node"):
        await cluster.start("n1", "n2")
        async with asyncio.timeout(10):
            while "who says to be the node 'n2' shows node/n3" not in caplog.text:
                await asyncio.sleep(0.01)
    assert not cluster.nodes["n1"].links["n2"].up
    assert not cluster.nodes["n2"].links["n1"].up
    assert "who says to be" in (cluster.nodes["n1"].links["n2"].refused or "")
    await cluster.close()


async def test_a_member_whose_certificate_expired_is_named_and_comes_back_when_it_is_renewed(
    papers, tmp_path
) -> None:
    cluster = Members(tmp_path)
    cluster.tls = {name: papers.of("node", name) for name in ("n1", "n2")}
    cluster.tls["n3"] = papers.expired("node", "n3")
    await cluster.start()
    link = cluster.nodes["n1"].links["n3"]
    async with asyncio.timeout(10):
        while link.refused is None:
            await asyncio.sleep(0.01)
    assert "has expired" in link.refused
    papers.of("node", "n3", renew=True)
    async with asyncio.timeout(10):
        while not (link.up and cluster.nodes["n3"].links["n1"].up):
            await asyncio.sleep(0.01)
    assert link.refused is None
    await cluster.close()


async def test_a_client_is_no_member_whatever_it_says(papers, tmp_path) -> None:
    cluster = Members(tmp_path, 1)
    cluster.tls = {"n1": papers.of("node", "n1"), "n2": papers.of("client", "n2")}
    await cluster.start()
    cluster.addresses["n2"] = f"127.0.0.1:{free_port()}"
    await cluster.add("n2", cluster.addresses["n2"])
    with pytest.raises(Unavailable, match=r"certificate .* is not accepted"):
        await Local(cluster.nodes["n1"]).join("n2", cluster.addresses["n2"], False, 1.0)
    assert cluster.nodes["n1"].membership.voters == ("n1",)
    await cluster.close()


async def test_the_certificate_of_a_node_that_left_is_nobodys(papers, tmp_path) -> None:
    cluster = Members(tmp_path, 1)
    cluster.tls = {name: papers.of("node", name) for name in ("n1", "n2")}
    await cluster.start()
    await cluster.add("n2")
    url = f"plait+tls://{cluster.addresses['n1']}"
    async with plait.connect(url, tls=papers.of("client", "root"), only=True) as store:
        await store.join("n2", cluster.addresses["n2"])
        await store.rights.put_user("root", ["admin"])
        await store.rights.switch(True)
        async with plait.connect(url, tls=cluster.tls["n2"], only=True) as theirs:
            assert len(await theirs.members()) == 2  # a node may do all
        await store.leave("n2")
        with pytest.raises(NotSignedIn, match="has left"):
            async with plait.connect(url, tls=cluster.tls["n2"], only=True):
                pass
    await cluster.close()
