"""The egress policy: hosts, fields, configuration file, and the guard at the socket."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from epm.egress import OPEN, EgressPolicy, host_of, is_local, load_policy
from epm.errors import ConfigError
from epm.listing import Listing
from epm.pair import Pair
from epm.socket_guard import guard_sockets

LOCAL_ONLY = EgressPolicy(is_local_only=True)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST.", "127.0.0.1", "127.8.9.1", "::1", "[::1]", "::ffff:127.0.0.1", "a.localhost", ""]
)
def test_this_machine_is_local(host: str) -> None:
    assert is_local(host)


@pytest.mark.parametrize("host", ["api.openai.com", "10.0.0.5", "192.168.1.2", "localhost.evil.com", "2130706433", "::ffff:8.8.8.8"])
def test_everything_else_is_not(host: str) -> None:
    assert not is_local(host)


def test_a_list_of_hosts_allows_those_hosts_and_nothing_that_merely_ends_like_them() -> None:
    policy = EgressPolicy(hosts=("api.openai.com", "*.openai.azure.com"))
    assert policy.allows_host("API.OpenAI.com.")
    assert policy.allows_host("shop.openai.azure.com")
    assert not policy.allows_host("evilapi.openai.com")
    assert not policy.allows_host("openai.azure.com.evil.com")


def test_local_only_wins_over_a_list_of_hosts() -> None:
    assert not EgressPolicy(hosts=("api.openai.com",), is_local_only=True).allows_host("api.openai.com")


def test_a_refusal_says_what_where_and_why() -> None:
    with pytest.raises(ConfigError, match=r"model 'openai/gpt' is at 'api.openai.com'.*--local-only"):
        LOCAL_ONLY.check_host("api.openai.com", "model 'openai/gpt'")


def test_fields_that_may_not_leave_are_gone_and_bookkeeping_stays() -> None:
    left = Listing(
        "l",
        "Kolvra KX-120",
        brand="Kolvra",
        description="secret cost 3",
        price="9",
        attributes={"colour": "red", "cost": "3"},
        cluster_id="c",
    )
    pair = Pair("p", left, Listing("r", "Kolvra KX-120"))
    seen = EgressPolicy(fields=frozenset({"title", "attributes.colour"})).visible(pair)
    assert seen.left.texts() == {"title": "Kolvra KX-120", "attributes.colour": "red"}
    assert (seen.id, seen.left.id, seen.left.cluster_id) == ("p", "l", "c")
    assert OPEN.visible(pair) is pair


def test_the_configuration_file_is_read_from_the_folder_and_made_stricter_by_the_flag(tmp_path: Path) -> None:
    assert load_policy(tmp_path) == OPEN
    (tmp_path / "epm.toml").write_text('[egress]\nhosts = ["API.openai.com"]\nfields = ["title", "brand"]\n')
    policy = load_policy(tmp_path)
    assert policy == EgressPolicy(("api.openai.com",), frozenset({"title", "brand"}))
    assert load_policy(tmp_path, is_local_only=True).is_local_only


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[egress]\nhost = ["a"]', "host"),
        ('[egress]\nfields = ["title", "colour"]', "'colour'"),
        ('[egress]\nfields = ["brand"]', "leaves out 'title'"),
        ("[egress", "mend it"),
        ("[models]", "models"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "epm.toml").write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_policy(tmp_path)
    assert "epm.toml" in str(caught.value)


def test_hosts_are_read_from_addresses() -> None:
    assert host_of("http://localhost:8000/v1") == "localhost"
    assert host_of("https://shop.openai.azure.com") == "shop.openai.azure.com"
    assert host_of("postgresql://user:pw@db.internal/epm") == "db.internal"


def test_the_guard_refuses_lookups_and_connections_and_lets_go_afterwards() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    with guard_sockets(LOCAL_ONLY):
        with pytest.raises(ConfigError, match=r"api\.openai\.com"):
            socket.getaddrinfo("api.openai.com", 443)
        with socket.socket() as outside, pytest.raises(ConfigError, match=r"192\.0\.2\.1"):
            outside.connect(("192.0.2.1", 443))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outside, pytest.raises(ConfigError, match=r"192\.0\.2\.1"):
            outside.sendto(b"x", ("192.0.2.1", 53))
        socket.create_connection(server.getsockname()).close()
    server.close()
    with socket.socket() as outside:
        outside.settimeout(0.01)
        with pytest.raises(OSError):  # noqa: PT011  # no network here, or a refusal: the guard no longer speaks
            outside.connect(("192.0.2.1", 443))


def test_beneath_a_list_of_hosts_other_names_are_refused_at_their_lookup() -> None:
    with guard_sockets(EgressPolicy(hosts=("allowed.invalid",))):
        with pytest.raises(ConfigError, match=r"other\.invalid"):
            socket.getaddrinfo("other.invalid", 443)
        with pytest.raises(socket.gaierror):  # allowed, and no such name
            socket.getaddrinfo("allowed.invalid", 443)
