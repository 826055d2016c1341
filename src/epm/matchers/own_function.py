"""The matcher ``python:FILE.py:FUNCTION``: the user's own rule, a function of two listing dicts or of one pair dict.

    def same(left, right):                  # or: def same(pair), with pair["left"] and pair["right"]
        return left["mpn"] is not None and left["mpn"] == right["mpn"]

It returns a bool, a label word, a probability of ``match``, or a dict of ``label``, ``probability``, ``cost_usd``,
``latency_s`` and ``reason``. An exception is a failed decision. The file is loaded and called in one thread of its own,
where no loop of ours runs, so that what is bound to a thread (``sqlite3``) or starts a loop (``asyncio.run``) works; an
``async def`` runs there too, several pairs at a time. ``sys.path`` stays as it is.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import os
import sys
import time
import weakref
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import cast

from epm.decision import Decision
from epm.errors import ConfigError, ErrorClass
from epm.matcher import MatchContext
from epm.matchers.own_system import decision_of, pair_record
from epm.pair import Pair
from epm.run import in_turn
from epm.socket_guard import refusal_in
from epm.store.codec import storable

Rule = Callable[..., object]
_PATTERN = "write 'python:FILE.py:FUNCTION'"
_OWN_ERRORS = (Exception, SystemExit)
"""What a function may raise without ending the command: ``sys.exit()`` in a rule ends that pair alone."""


def make(arg: str | None) -> OwnFunction:
    """The matcher of ``FILE.py:FUNCTION``.

    Raises:
        ConfigError: no such file or function, the file cannot be loaded, or the function takes neither one pair nor two listings.
    """
    file, _, name = (arg or "").rpartition(":")
    if not file or not name.isidentifier():
        raise ConfigError(f"matcher 'python' needs a file and a function, got {arg!r}: {_PATTERN}")
    path = Path(file)
    try:
        source = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {file!r} for matcher 'python': {error.strerror}; {_PATTERN}") from error
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="epm-own")
    module = thread.submit(_load, path, source).result()
    function = getattr(module, name, None)
    if not callable(function):
        found = sorted(key for key, value in vars(module).items() if inspect.isfunction(value) and value.__module__ == module.__name__)
        raise ConfigError(f"{file!r} has no function {name!r}: it has {found}")
    takes_pair = _takes_pair(function, arg or name)
    made = OwnCoroutine if inspect.iscoroutinefunction(function) else OwnFunction
    return made(f"python:{path.name}:{name}", hashlib.sha256(source).hexdigest()[:12], function, thread, takes_pair=takes_pair)


class OwnFunction:
    """Decides each pair by a function of the user; ``version`` is the content of its file."""

    def __init__(self, name: str, version: str, function: Rule, thread: ThreadPoolExecutor, *, takes_pair: bool) -> None:
        self.name = name
        self.version = version
        self._function = function
        self._thread = thread
        self._takes_pair = takes_pair

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:
        """One decision for each pair, in the same order: ``failed`` where the function raised or answered wrongly."""
        decisions = []
        for pair in batch:
            decision = await asyncio.get_running_loop().run_in_executor(self._thread, self._decide, pair)
            if ctx.on_decision is not None:
                ctx.on_decision(decision)
            decisions.append(decision)
        return decisions

    def _decide(self, pair: Pair) -> Decision:
        started = time.perf_counter()
        try:
            with _stdout_as_stderr():
                said = self._call(pair)
        except _OWN_ERRORS as error:
            return _failed(pair, error, time.perf_counter() - started)
        return decision_of(pair.id, said, latency_s=time.perf_counter() - started)

    def _call(self, pair: Pair) -> object:
        shown = pair_record(pair)
        return self._function(shown) if self._takes_pair else self._function(shown["left"], shown["right"])


class OwnCoroutine(OwnFunction):
    """The same for an asynchronous function: as many pairs at a time as the context allows, each for ``timeout_s`` at most."""

    def __init__(self, name: str, version: str, function: Rule, thread: ThreadPoolExecutor, *, takes_pair: bool) -> None:
        super().__init__(name, version, function, thread, takes_pair=takes_pair)
        # One loop for all batches: a client that the file made is bound to the loop it first ran in.
        self._loop = asyncio.new_event_loop()
        self._at_work: asyncio.Task[object] | None = None
        # Only closed, and by whichever thread collects garbage: it may be one that holds the lock every pool of threads needs.
        weakref.finalize(self, self._loop.close)

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:
        """One decision for each pair, in the same order: ``failed`` where the function raised, was too slow or answered wrongly."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, self._run, batch, ctx)
        except asyncio.CancelledError:
            if self._at_work is not None:  # else its thread would work on, and Python could not end
                self._at_work.get_loop().call_soon_threadsafe(self._at_work.cancel)
            raise

    def _run(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:
        with _stdout_as_stderr():
            return self._loop.run_until_complete(self._decide_all(batch, ctx))

    async def _decide_all(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:
        self._at_work = asyncio.current_task()

        async def decide(pair: Pair) -> Decision:
            decision = await self._await(pair, ctx.timeout_s)
            if ctx.on_decision is not None:
                ctx.on_decision(decision)
            return decision

        return await in_turn(batch, decide, concurrency=ctx.concurrency)

    async def _await(self, pair: Pair, timeout_s: float) -> Decision:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(timeout_s) as limit:
                said = await cast(Awaitable[object], self._call(pair))
        except asyncio.CancelledError as error:
            if (task := asyncio.current_task()) is None or task.cancelling():
                raise
            return _failed(pair, error, time.perf_counter() - started)  # a cancellation of the function's own making
        except _OWN_ERRORS as error:
            told = TimeoutError(f"no answer for {timeout_s:g} s; raise --timeout-s") if limit.expired() else error
            return _failed(pair, told, time.perf_counter() - started)
        return decision_of(pair.id, said, latency_s=time.perf_counter() - started)


def _failed(pair: Pair, error: BaseException, latency_s: float) -> Decision:
    return Decision.failed(pair.id, _class_of(error), _told(error), latency_s=latency_s)


def _load(path: Path, source: bytes) -> ModuleType:
    """The module of a file, compiled here: importing it would leave a cache beside it, and could take an older one for it."""
    name = f"epm_own_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]}"
    module = ModuleType(name)
    module.__file__ = str(path.resolve())
    sys.modules[name] = module  # dataclasses look their module up there
    try:
        with _stdout_as_stderr():
            exec(compile(source, str(path), "exec", dont_inherit=True), module.__dict__)  # noqa: S102  # the user's own file, named by the user
    except _OWN_ERRORS as error:
        del sys.modules[name]
        hint = "; files beside it are not found by themselves: set PYTHONPATH to their folder" if isinstance(error, ImportError) else ""
        raise ConfigError(f"cannot load {str(path)!r} for matcher 'python': {_told(error)}{hint}") from error
    return module


def _takes_pair(function: Rule, spec: str) -> bool:
    """True for a function of one pair, false for one of two listings; raises ``ConfigError`` for any other."""
    allowed = "it must be a function of two listings, or of one pair"
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"'python:{spec}' does not say what it takes: {allowed}") from error
    n_needed = sum(p.default is p.empty and p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD} for p in signature.parameters.values())
    arguments: list[dict[str, object]] = [{}] if n_needed == 1 else [{}, {}]
    try:
        signature.bind(*arguments)
    except TypeError as error:
        raise ConfigError(f"'python:{spec}' takes {signature}: {allowed}") from error
    return len(arguments) == 1


def _class_of(error: BaseException) -> ErrorClass:
    if refusal_in(error) is not None:
        return ErrorClass.EGRESS
    if isinstance(error, TimeoutError):
        return ErrorClass.TIMEOUT
    if isinstance(error, asyncio.CancelledError):
        return ErrorClass.CANCELLED
    return ErrorClass.CONNECTION if isinstance(error, ConnectionError) else ErrorClass.BUG


def _told(error: BaseException) -> str:
    name = type(error).__name__
    try:
        said = str(error)
    except Exception:  # noqa: BLE001  # the user's own class may fail at this too, and must not take the other pairs along
        said = "its message cannot be read"
    return storable(f"{name}: {said}" if said else name)


@contextmanager
def _stdout_as_stderr() -> Iterator[None]:
    """Inside, all that would go to stdout goes to stderr, what started programs write included: stdout is for results."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
