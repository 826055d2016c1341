"""Which line of a program answers which pair, and why a pair has no answer.

The rule: one line for each pair, in the order of the pairs, with the pair's id. A line is never taken for another pair than
the one it names, a pair with two answers has none, and whoever has none is failed, never ``no_match``.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence

from epm.decision import Decision
from epm.errors import ErrorClass
from epm.matcher import MatchContext
from epm.matchers.line_process import LineProcess
from epm.matchers.own_system import decision_of
from epm.pair import Pair
from epm.store.codec import storable

_LOG = logging.getLogger(__name__)
_CONTRACT = "print one JSON object on one line for each pair, with its id, in the order of the input, and log on stderr"
_SHOWN_CHARS = 120
_TAIL_S = 1.0
"""How long more lines are waited for once each pair has its answer."""


class LineExchange:
    """One batch of pairs and the lines that answer them."""

    def __init__(self, name: str, batch: Sequence[Pair], ctx: MatchContext) -> None:
        self._name = name
        self._batch = batch
        self._ctx = ctx
        self._place = {pair.id: place for place, pair in enumerate(batch)}
        self._decisions: dict[str, Decision] = {}
        self._n_settled = 0  # the pairs before this place are decided or failed
        self._n_lines = 0
        self._n_stray = 0
        self._stray: str | None = None  # the first line since the last answer that answers no pair

    def run(self, process: LineProcess) -> list[Decision]:
        """The decisions on the batch, in its order, when the program has ended, or is of no more use."""
        answered_at = time.perf_counter()
        while True:
            is_done = self._n_settled == len(self._batch)
            try:
                line = process.receive(answered_at + (_TAIL_S if is_done else self._ctx.timeout_s) - time.perf_counter())
            except TimeoutError:
                self._settle(len(self._batch), ErrorClass.TIMEOUT, self._silence())
                break
            if line is None:
                self._settle(len(self._batch), *self._ending(process))
                break
            now = time.perf_counter()
            if self._take(line.strip(), latency_s=now - answered_at):
                answered_at = now  # noise is no sign of life: a program that prints for ever is a hung one
        if self._n_stray:
            _LOG.warning("%s: %d lines answered no pair; %s", self._name, self._n_stray, _CONTRACT)
        return [self._decisions[pair.id] for pair in self._batch]

    def _take(self, line: str, *, latency_s: float) -> bool:
        """Whether the line is the answer to a pair that had none."""
        self._n_lines += 1
        said = _object(line)
        pair_id = None if said is None else said.pop("id", None)
        place = self._place.get(str(pair_id)) if isinstance(pair_id, str | int) else None  # a reader may make a number of "12"
        if said is None or place is None:
            if line:
                self._n_stray += 1
                self._stray = self._stray or f"line {self._n_lines} {line[:_SHOWN_CHARS]!r} answers no pair"
            return False
        pair = self._batch[place]
        if place < self._n_settled:
            self._refuse_late(pair)
            return False
        reason = self._stray or f"line {self._n_lines} answers pair {pair.id!r}, which comes after it"
        self._settle(place, ErrorClass.INVALID_STRUCTURE, f"left this pair out: {reason}; {_CONTRACT}")
        self._keep(_decision(pair.id, said, latency_s))
        self._n_settled, self._stray = place + 1, None
        return True

    def _refuse_late(self, pair: Pair) -> None:
        """Fail a pair that is answered again; one that was left out in its place has failed already."""
        if self._decisions[pair.id].error_class is None:
            reason = f"answered this pair twice, the second time in line {self._n_lines}; {_CONTRACT}"
            self._keep(Decision.failed(pair.id, ErrorClass.INVALID_STRUCTURE, f"{self._name!r} {reason}"))

    def _settle(self, end: int, error_class: ErrorClass, reason: str) -> None:
        """Fail the pairs that stand open before a place."""
        for pair in self._batch[self._n_settled : end]:
            self._keep(Decision.failed(pair.id, error_class, f"{self._name!r} {reason}"))
        self._n_settled = max(self._n_settled, end)

    def _keep(self, decision: Decision) -> None:
        self._decisions[decision.pair_id] = decision
        if self._ctx.on_decision is not None:
            self._ctx.on_decision(decision)

    def _silence(self) -> str:
        after = f" after {self._stray}" if self._stray else ""
        return f"gave no answer for {self._ctx.timeout_s:g} s{after} and was ended; raise --timeout-s, or flush each line"

    def _ending(self, process: LineProcess) -> tuple[ErrorClass, str]:
        """What the end of a program's output says of the pairs that it left open."""
        code = process.exit_code()
        said = f"; it last said {process.last_words[-_SHOWN_CHARS:]!r}" if process.last_words else ""
        if code:
            how = f"was ended by signal {-code}" if code < 0 else f"ended with exit status {code}"
            return ErrorClass.BUG, f"{how} before it answered this pair{said}"
        how = "ended" if code == 0 else "closed its stdout"
        return (
            ErrorClass.INVALID_STRUCTURE,
            f"{how} without an answer to this pair: {self._stray or f'{self._n_lines} lines in all'}; {_CONTRACT}",
        )


def _object(line: str) -> dict[str, object] | None:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _decision(pair_id: str, said: Mapping[str, object], latency_s: float) -> Decision:
    """The decision that the fields beside the id state; ``error`` is the program's own word that it failed."""
    error = said.get("error")
    if error is None:
        return decision_of(pair_id, {name: value for name, value in said.items() if name != "error"}, latency_s=latency_s)
    return Decision.failed(pair_id, ErrorClass.BUG, storable(str(error)), latency_s=latency_s)
