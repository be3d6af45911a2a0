import pytest

from plait.base.errors import BadSettings
from plait.client.address import ClusterAddress, parse_address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plait://a:1,b:2", ClusterAddress(("a:1", "b:2"))),
        ("plait://a", ClusterAddress(("a:7401",))),
        ("plait://a:1,b:2/main", ClusterAddress(("a:1", "b:2"), "main")),
        ("plait://a:1/", ClusterAddress(("a:1",))),
        ("a:1, b:2 ,a:1", ClusterAddress(("a:1", "b:2"))),
        ("plait://[::1]:9", ClusterAddress(("[::1]:9",))),
        (["a:1", "b"], ClusterAddress(("a:1", "b:7401"))),
    ],
)
def test_an_address_names_hosts_and_perhaps_a_cluster(text, expected):
    assert parse_address(text) == expected


def test_an_address_prints_as_it_is_written():
    text = "plait://a:1,b:2/main"
    assert str(parse_address(text)) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("http://a:1", "plait://"),
        ("plait://", "no host"),
        ("plait://a:1,,b:2", "no host"),
        ("", "no host"),
        ([], "no host"),
        ("plait://a:x", "not a number"),
        ("plait://a:70000", "65535"),
        ("plait://a:0", "port 0"),
        ("plait://::1:7401", "brackets"),
        ("plait://a:1/x/y", "cluster id"),
        ([f"h{i}" for i in range(65)], "more than"),
    ],
)
def test_a_wrong_address_says_what_is_wrong(text, reason):
    with pytest.raises(BadSettings, match=reason):
        parse_address(text)
