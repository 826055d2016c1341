from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epm.gateway.retry_after import repeat_after, retry_after_s

NOW_S = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "asked_s"),
    [
        ({"Retry-After": "86400"}, 86_400),
        ({"retry-after": "0.5"}, 0.5),
        ({"Retry-After": "Sat, 16 Jan 2027 08:00:00 GMT"}, 86_400),
        ({"Retry-After": "Thu, 01 Jan 1998 08:00:00 GMT"}, 0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"Retry-After": "-3"}, 0),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1h2m3s"}, 3_723),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}, 360),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1800003600000"}, 3_600),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1800000060"}, 60),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "500ms"}, 0.5),
        ({"anthropic-ratelimit-requests-remaining": "0", "anthropic-ratelimit-requests-reset": "2027-01-15T08:01:00Z"}, 60),
        ({"x-ratelimit-remaining-requests": "12", "x-ratelimit-reset-requests": "1h"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "inf"}, None),
        ({}, None),
    ],
)
def test_every_form_of_a_wait_is_read(headers: dict[str, str], asked_s: float | None) -> None:
    found = retry_after_s(headers, NOW_S)
    assert found == (None if asked_s is None else pytest.approx(asked_s, abs=1e-6))


@given(st.text(max_size=40))
def test_no_header_raises(text: str) -> None:
    headers = {"retry-after": text, "x-ratelimit-remaining": "0", "x-ratelimit-reset": text}
    found = retry_after_s(headers, NOW_S)
    assert found is None or found >= 0


def test_the_time_is_local_rounded_up_and_dated_where_it_is_not_today() -> None:
    now = datetime(2026, 11, 30, 9, 15, 1, tzinfo=timezone(timedelta(hours=2)))
    assert repeat_after(60, now) == "09:17"
    assert repeat_after(86_400, now) == "2026-12-01 09:16"
    assert repeat_after(1e18, now).startswith("2036-")
