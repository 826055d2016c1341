"""The egress policy: hosts, fields, configuration file, and the guard at the socket."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import pytest

from epm.egress import OPEN, EgressPolicy, host_of, is_local, load_policy
from epm.errors import ConfigError, EgressError
from epm.listing import Listing
from epm.pair import Pair
from epm.socket_guard import guard_sockets, refusal_in

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
        ("[model]", "model does not exist"),
        ("[egress]\nhosts = 3", "egress.hosts: .*got '3'"),
        (
            '[egress]\nhosts = ["https://Corp.openai.azure.com"]',
            "'https://Corp.openai.azure.com'; give the name alone, 'corp.openai.azure.com'",
        ),
        ('[egress]\nhosts = ["api.openai.com:443"]', "give the name alone, 'api.openai.com'"),
        ('[egress]\nhosts = ["api.openai.com/v1"]', "give the name alone, 'api.openai.com'"),
        ('[egress]\nhosts = ["api.*"]', r"'api\.\*'; give the name alone"),
        ('[egress]\nhosts = ["*"]', r"'\*'; give the name alone"),
        ('[egress]\nhosts = [" "]', "' '; give the name alone"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "epm.toml").write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_policy(tmp_path)
    assert "epm.toml" in str(caught.value)
    assert "pydantic" not in str(caught.value)


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


def test_a_refusal_lists_the_hosts_as_they_are_written() -> None:
    with pytest.raises(ConfigError, match=r"hosts in epm\.toml allows api\.openai\.com, \*\.example\.com;"):
        EgressPolicy(hosts=("api.openai.com", "*.example.com")).check_host("evil.example", "model 'm'")
    with pytest.raises(ConfigError, match=r"allows no other host;"):
        EgressPolicy(hosts=()).check_host("evil.example", "model 'm'")


def test_a_numeric_address_is_allowed_in_any_spelling_of_the_one_that_is_listed() -> None:
    policy = EgressPolicy(hosts=("10.9.9.9", "fd00::1"))
    assert all(policy.allows_host(host) for host in ("10.9.9.9", "::ffff:10.9.9.9", "[FD00:0::1]", "fd00::1%eth0"))
    assert not any(policy.allows_host(host) for host in ("10.9.9.90", "110.9.9.9", "fd00::12", "168364297"))


def test_the_configuration_lists_numeric_addresses_without_brackets_or_with_them(tmp_path: Path) -> None:
    (tmp_path / "epm.toml").write_text('[egress]\nhosts = ["10.9.9.9", "[FD00:0::1]", "fd00::2", "*.corp.example."]\n')
    assert load_policy(tmp_path).hosts == ("10.9.9.9", "fd00::1", "fd00::2", "*.corp.example")


def test_the_nearest_configuration_counts_up_to_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, work = tmp_path / "home", tmp_path / "home" / "work" / "deep"
    work.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    (tmp_path / "epm.toml").write_text("[egress]\nlocal_only = true\n")
    assert load_policy(work) == OPEN  # above the home folder another's rule would count
    (home / "epm.toml").write_text('[egress]\nhosts = ["a.example"]\n')
    assert load_policy(work).hosts == ("a.example",)
    (work.parent / "epm.toml").write_text('[egress]\nhosts = ["b.example"]\n')
    assert load_policy(work).hosts == ("b.example",)
    monkeypatch.setenv("HOME", str(tmp_path / "elsewhere"))
    assert load_policy(home) == EgressPolicy(hosts=("a.example",))
    (home / "epm.toml").unlink()
    assert load_policy(home).is_local_only  # outside the home folder, up to the root


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Names and the addresses that they resolve to, beneath the guard."""
    known: dict[str, str] = {}

    def answer(host: str | bytes, port: int, *_more: int) -> list[object]:
        name = host.decode() if isinstance(host, bytes) else host
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (known[name], port))]

    monkeypatch.setattr("epm.socket_guard._lookup", answer)
    return known


def is_refused(host: str | bytes, event: str = "socket.connect") -> bool:
    """Whether the guard stops a connection, announced as Python announces one."""
    try:
        sys.audit(event, None, (host, 443))
    except EgressError:
        return True
    return False


def test_beneath_a_list_of_hosts_a_numeric_address_passes_only_as_the_answer_to_a_lookup_of_an_allowed_name(names: dict[str, str]) -> None:
    names.update({"allowed.invalid": "192.0.2.7", "mapped.invalid": "::ffff:192.0.2.9", "a.localhost": "192.0.2.10"})
    with guard_sockets(EgressPolicy(hosts=("allowed.invalid", "mapped.invalid"))):
        assert is_refused("192.0.2.7")
        for name in names:
            socket.getaddrinfo(name, 443)
        assert not is_refused("192.0.2.7")
        assert not is_refused("::ffff:192.0.2.7")
        assert not is_refused("192.0.2.9")
        assert not is_refused("127.0.0.1")
        assert is_refused("192.0.2.8")
        assert is_refused("192.0.2.10")  # a name of this machine vouches for nothing elsewhere
    with guard_sockets(EgressPolicy(hosts=("other.invalid",))):
        assert is_refused("192.0.2.7")
    with guard_sockets(LOCAL_ONLY):
        assert is_refused("192.0.2.7")
    with guard_sockets(EgressPolicy(fields=frozenset({"title"}))):
        assert not is_refused("192.0.2.8")


@pytest.mark.parametrize("event", ["socket.connect", "socket.sendto", "socket.sendmsg"])
def test_a_numeric_address_is_refused_however_it_is_written_and_reached(event: str) -> None:
    with guard_sockets(EgressPolicy(hosts=("api.openai.com", "192.0.2.5"))):
        hosts = ("192.0.2.1", b"192.0.2.1", "::ffff:192.0.2.1", "3221225985", "2001:db8::1%eth0", "evil.invalid", b"evil.invalid")
        assert all(is_refused(host, event) for host in hosts)
        assert not any(is_refused(host, event) for host in ("192.0.2.5", b"192.0.2.5", "::ffff:192.0.2.5", "api.openai.com", "::1"))


def test_an_event_loop_goes_no_other_way(names: dict[str, str]) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    names["allowed.invalid"] = "127.0.0.1"

    async def connect(host: str) -> None:
        _, writer = await asyncio.open_connection(host, server.getsockname()[1])
        writer.close()
        await writer.wait_closed()

    with server, guard_sockets(EgressPolicy(hosts=("allowed.invalid",))):
        asyncio.run(connect("allowed.invalid"))
        with pytest.raises(EgressError, match=r"refused to reach '192\.0\.2\.1': \[egress\] hosts in epm\.toml allows allowed\.invalid"):
            asyncio.run(connect("192.0.2.1"))


def test_a_refusal_is_found_in_whatever_a_library_made_of_it() -> None:
    refusal = EgressError("refused")
    caused, grouped = ValueError("outer"), ExceptionGroup("several", [OSError("x"), refusal])
    caused.__cause__ = OSError("inner")
    caused.__cause__.__context__ = grouped
    grouped.__context__ = caused  # a ring
    assert refusal_in(caused) is refusal
    assert refusal_in(ValueError("other")) is None
