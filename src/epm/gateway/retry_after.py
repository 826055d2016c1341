"""When a server says that it may be asked again: read from the headers of a refusal, and told as a time of day."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)s)?(?:([\d.]+)ms)?")
_UNIT_S = (86_400.0, 3_600.0, 60.0, 1.0, 0.001)
_EPOCH_S = 1e9
"""A larger number is a date since 1970 (2001 or later), a smaller one a wait: no server asks for thirty years."""
_EPOCH_MS = 1e12
_RESETS = (
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
    ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
)
"""What is left of a limit, and when it is whole again, as OpenAI, OpenRouter and Anthropic name them."""


def retry_after_s(headers: Mapping[str, str], now_s: float | None = None) -> float | None:
    """Seconds that the server asked to wait, not below 0; ``None`` where it said nothing that can be read.

    ``Retry-After`` holds seconds or an HTTP date. Without it, the longest reset of a limit of which nothing is left counts.
    """
    now_s = time.time() if now_s is None else now_s
    named = {name.lower(): str(value).strip() for name, value in headers.items()}
    exact_ms = _number(named.get("retry-after-ms", ""))
    if exact_ms is not None:
        return max(0.0, exact_ms / 1_000)
    asked_s = _wait_s(named.get("retry-after", ""), now_s)
    if asked_s is not None:
        return asked_s
    spent = [reset for left, reset in _RESETS if _number(named.get(left, "")) == 0]
    waits_s = [wait_s for wait_s in (_wait_s(named.get(reset, ""), now_s) for reset in spent) if wait_s is not None]
    return max(waits_s, default=None)


def repeat_after(wait_s: float, now: datetime | None = None) -> str:
    """The local time at which ``wait_s`` seconds are over, as HH:MM, with its date where that is not today's."""
    now = datetime.now(UTC).astimezone() if now is None else now
    whole_s = min(wait_s, timedelta(days=3650).total_seconds())  # a lie of a million years would overflow the calendar
    at = (now + timedelta(seconds=whole_s)).astimezone(now.tzinfo)
    if at.second or at.microsecond:
        at += timedelta(minutes=1)  # a minute early is refused again
    return at.strftime("%H:%M" if at.date() == now.date() else "%Y-%m-%d %H:%M")


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _wait_s(text: str, now_s: float) -> float | None:
    value = _number(text)
    if value is not None:
        value = value / 1_000 if value > _EPOCH_MS else value
        return max(0.0, value - now_s if value > _EPOCH_S else value)
    found = _DURATION.fullmatch(text)
    if found and any(found.groups()):
        numbers = (_number(part or "0") for part in found.groups())
        return sum((number or 0.0) * unit_s for number, unit_s in zip(numbers, _UNIT_S, strict=True))
    at = _date(text)
    return None if at is None else max(0.0, at.timestamp() - now_s)


def _date(text: str) -> datetime | None:
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            at = read(text)
        except (TypeError, ValueError, IndexError):
            continue
        return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return None
