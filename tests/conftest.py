"""Settings of the whole suite: no model hub, and no deadlines, because shared machines are slow at any moment."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Iterator
from itertools import count
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings

from epm.config import stay_offline
from postgres import Server, running_server

T = TypeVar("T")

stay_offline()
settings.register_profile("epm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("epm")


class _JumpingSelector(selectors.SelectSelector):
    now_s = 0.0

    def select(self, timeout: float | None = None) -> list:
        ready = super().select(0)
        if not ready and timeout is None:
            raise AssertionError("nothing will ever happen again: a wake-up was lost")
        if not ready and timeout:
            self.now_s += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Never waits; ``time`` is virtual seconds from 0. A loop that nothing can wake any more fails the test."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s


@pytest.fixture(scope="session")
def run_virtual() -> Callable[[Coroutine[Any, Any, T]], T]:
    """Runs a coroutine on an event loop whose clock jumps to the next timer: minutes in moments."""

    def run(coroutine: Coroutine[Any, Any, T]) -> T:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(coroutine)

    return run


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A PostgreSQL server; skips where none is installed."""
    with running_server() as server:
        yield server


_database_numbers = count(1)


@pytest.fixture
def postgres_database(postgres_server: Server) -> Iterator[str]:
    """The name of an empty database, gone after the test."""
    name = f"store{next(_database_numbers)}"
    postgres_server.run(f"CREATE DATABASE {name}")
    yield name
    postgres_server.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_url(postgres_server: Server, postgres_database: str) -> str:
    """The address of an empty database."""
    return postgres_server.url(postgres_database)
