from __future__ import annotations

import socket

import pytest

from epm.gateway.transports.failure_causes import headers_of, is_out_of_credit, is_unsent


def raised(*names: str) -> Exception:
    """An error of the last name that stems from those before it, as the vendors' clients wrap each other's."""
    parents: dict[str, type[Exception]] = {"ClientConnectorDNSError": type("ClientConnectorError", (Exception,), {})}
    cause: Exception | None = None
    for name in names:
        error = socket.gaierror() if name == "gaierror" else type(name, (parents.get(name, Exception),), {})()
        error.__cause__, cause = cause, error
    assert cause is not None
    return cause


@pytest.mark.parametrize(
    "names",
    [
        ("ConnectionRefusedError", "ClientConnectorError", "ConnectError", "APIConnectionError"),
        ("gaierror", "ClientConnectorDNSError", "ConnectError", "OpenAIError", "InternalServerError"),
        ("ClientConnectorDNSError",),
        ("SSLError", "ClientConnectorCertificateError", "ProtocolError"),
        ("ConnectTimeout", "APITimeoutError", "Timeout"),
        ("ClientHttpProxyError", "ProxyError"),
    ],
)
def test_a_connection_that_was_never_made_is_unsent_however_it_was_wrapped(names: tuple[str, ...]) -> None:
    assert is_unsent(raised(*names))


@pytest.mark.parametrize(
    "names",
    [
        ("ConnectionResetError", "ClientOSError", "ConnectError", "APIConnectionError"),
        ("ServerDisconnectedError", "ReadError", "ConnectError"),
        ("SocketTimeoutError", "ReadTimeout", "Timeout"),
        ("RemoteProtocolError", "APIConnectionError"),
        ("InternalServerError",),
    ],
)
def test_a_request_that_had_left_may_have_been_billed(names: tuple[str, ...]) -> None:
    assert not is_unsent(raised(*names))


def answered(status: int, text: str, **more: object) -> Exception:
    error = Exception(text)
    vars(error).update({"status_code": status, **more})
    return error


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (402, "Insufficient Balance"),
        (402, "anything"),
        (429, "You exceeded your current quota, please check your plan and billing details."),
        (400, "Your credit balance is too low to access the Anthropic API."),
        (403, "Your team has run out of credits"),
    ],
)
def test_what_vendors_say_of_an_account_without_money_is_known(status: int, text: str) -> None:
    assert is_out_of_credit(answered(status, text))


def test_a_code_says_it_too_and_a_minutes_quota_of_google_is_only_a_rate_limit() -> None:
    assert is_out_of_credit(answered(429, "no", code="insufficient_quota"))
    assert not is_out_of_credit(answered(429, "You exceeded your current quota (RESOURCE_EXHAUSTED)"))
    assert not is_out_of_credit(answered(429, "slow down"))
    assert not is_out_of_credit(answered(500, "insufficient balance in the pool of workers"))


def test_headers_are_found_beneath_where_the_library_does_not_copy_them() -> None:
    outer = Exception("outer")
    outer.__cause__ = answered(429, "slow", response=type("Response", (), {"headers": {"Retry-After": "7"}})())
    assert headers_of(outer)["Retry-After"] == "7"
    assert headers_of(Exception("none")) == {}
