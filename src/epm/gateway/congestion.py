"""What one server seems to allow, learnt from its answers: a window of calls in flight, and a rate where the window cannot bind.

A 429 says "too much" but not of what. Two facts tell. A server that bounds calls in flight refuses just above a level at
which it answers: then the window closes to one below the refused level, and opens by one call at a time. A server that
bounds calls per minute refuses at levels it answered before, or refuses everything for a while: then admissions are
paced at what it accepted between two refusals, and the rate creeps up with each answer and falls with each refusal, so
that it settles where one call in forty is refused. Both are learnt side by side; the tighter one binds.

Known limits: a server that allows no two calls together (a bucket of one) looks like one that allows one call in flight; at
one call a second the search itself costs about one refusal in twenty; a doubled rate is noticed after 15 s, after a minute
where the limit is counted by the minute.

Pure state with the time passed in: no clock, no event loop, constant work for each call.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from epm.gateway.backoff import LONGEST_WAIT_S
from epm.gateway.pacing import MINUTE_S, MinuteCount, Pacer

_FIRST_WINDOW = 8
_STEP_CALLS = 50
"""Answers before the window tries one more call: a try costs about one refusal, so about 2 % of the calls."""
_RATE_UP, _RATE_DOWN = 1.001, 0.96
"""By answer and by refusal: they balance at one refusal in forty."""
_RATE_TRIAL = 1.1
"""How far above the last refused rate to creep while a refusal may still be due: limits are counted by the minute."""
_CLEAN_S, _LONG_DENIAL_S, _MINUTE_S = 15.0, 5.0, 65.0
"""Without a refusal for so long, the rate leaps: the limit was raised. A server that refuses everything for longer than
5 s counts by the minute, and is given a whole one."""
_STEP_S = 20.0
_RATE_LEAP = 1.01
_ESTIMATE_CALLS = 8
_MARGIN = 0.98
_TELLING_LEVEL = 3
"""Two refusals in turn at one level are no chance from here on: the level is the limit."""
_DENIAL_CALLS = 3
"""A refusal among the first calls after a refusal: the server is not answering at all just now."""
_MOST_SPACING = 10.0
"""Times the first spacing: seldom enough not to hammer, often enough to see the minute turn."""
_SHORTEST_SPACING_S = 0.05
_HOLD_FACTOR, _LONGEST_HOLD_S = 25.0, 120.0
"""A refusal that costs a pause is not provoked again before 25 times the pause."""
_STRAIN_WEIGHT, _STRAIN_LIMIT, _STRAIN_CUT = 0.05, 0.3, 0.7


@dataclass(frozen=True, slots=True)
class Ticket:
    """One admitted call: its number, how many were in flight with it, and what held the queue back when it left."""

    number: int
    sent_s: float
    n_in_flight: int
    was_full: bool
    was_paced: bool


class Congestion:
    """The window and the rate for one account.

    Args:
        ceiling: most calls in flight, whatever the server would take.
        first_spacing_s: time between two calls to a server that refuses everything; doubled up to ten times as much.
    """

    def __init__(self, ceiling: int, *, first_spacing_s: float = 0.5) -> None:
        self.ceiling = ceiling
        self.pacer = Pacer()
        self.paused_until_s = 0.0
        self._first_spacing_s = first_spacing_s
        self._window = float(min(_FIRST_WINDOW, ceiling))
        self._is_fast = True
        self._n_sent = 0
        self._cut_number, self._cut_s = 0, -1e9
        self._answered_level = self._n_answered = self._refused_level = 0
        self._step, self._n_since_step = 1, 0
        self._hold_until_s = 0.0
        self._spacing_s, self._last_spacing_s, self._spaced_until_s, self._was_denied = 0.0, 0.0, 0.0, False
        self._n_in_flight_refusals = self._n_rate_refusals = 0
        self._mark_s, self._mark_number, self._n_refused = 0.0, 0, 0
        self._first_s = self._refused_s = self._stepped_s = 0.0
        self._trial_rate = 0.0
        self._strain = 0.0
        self._taken = MinuteCount()
        self._n_early = 0
        self._clean_s = _CLEAN_S

    @property
    def window(self) -> int:
        """Most calls in flight now, from 1 to the ceiling."""
        return max(1, min(self.ceiling, int(self._window)))

    def ready_at(self) -> float:
        """The earliest time of the next admission."""
        return max(self.paused_until_s, self._spaced_until_s, self.pacer.ready_at())

    def sent(self, now_s: float, n_in_flight: int, *, has_queue: bool) -> Ticket:
        """The ticket of a call admitted now; ``n_in_flight`` includes it."""
        if self._n_sent == 0:
            self._mark_s = self._first_s = now_s
        self._n_sent += 1
        self._taken.add(now_s, 1)
        is_full = n_in_flight >= self.window - 1
        self.pacer.spend(now_s)
        if self._spacing_s:  # nothing was refused since the last admission, else the spacing had been doubled
            self._spaced_until_s, self._last_spacing_s = now_s + self._spacing_s, self._spacing_s
            self._spacing_s = self._spacing_s / 2 if self._spacing_s > _SHORTEST_SPACING_S else 0.0
        return Ticket(self._n_sent, now_s, n_in_flight, is_full, has_queue and not is_full)

    def accepted(self, ticket: Ticket, now_s: float) -> None:
        """The server answered."""
        self._strain *= 1.0 - _STRAIN_WEIGHT
        if ticket.number > self._cut_number:
            self._answered_level, self._n_answered = max(self._answered_level, ticket.n_in_flight), self._n_answered + 1
            self._spacing_s = self._last_spacing_s = self._spaced_until_s = 0.0
            self._n_early = 0
        if now_s < self._hold_until_s:
            return
        if ticket.was_full:
            self._open_window(now_s)
        if ticket.was_paced and self.pacer.per_s is not None:
            self._raise_rate(self.pacer.per_s, now_s)

    def refused(self, ticket: Ticket, now_s: float, retry_after_s: float | None) -> None:
        """The server answered 429; ``retry_after_s`` pauses every admission, up to the bound of the waits."""
        self._pause(now_s, min(retry_after_s or 0.0, LONGEST_WAIT_S))
        self._refused_s = now_s
        self._n_refused += ticket.number > self._mark_number
        self._taken.add(now_s, -1)
        if ticket.number <= self._cut_number:
            return  # sent before the last cut: it tells nothing new
        n_after_cut, self._cut_number = ticket.number - self._cut_number, self._n_sent
        if ticket.sent_s - self._cut_s >= now_s - ticket.sent_s:
            self._learn(ticket, now_s, is_early=n_after_cut <= _DENIAL_CALLS)
        elif ticket.was_full:  # sent before the last cut could show at the server
            self._window = float(max(1, min(self.window, ticket.n_in_flight - 1)))

    def _pause(self, now_s: float, pause_s: float) -> None:
        if pause_s > 0:
            self.paused_until_s = max(self.paused_until_s, now_s + pause_s)
            self._spacing_s = max(self._spacing_s, self._first_spacing_s)  # it begins again gently
            self._hold_until_s = max(self._hold_until_s, now_s + min(_LONGEST_HOLD_S, _HOLD_FACTOR * pause_s))

    def _learn(self, ticket: Ticket, now_s: float, *, is_early: bool) -> None:
        """Which of the two limits a refusal speaks of, and the cut."""
        level, self._cut_s = ticket.n_in_flight, now_s
        is_same_level, self._refused_level = level == self._refused_level and level >= _TELLING_LEVEL, level
        self._n_early = self._n_early + 1 if is_early else 0
        if self._n_early > 1 and not is_same_level:
            self._deny(now_s)
            return
        if self._was_denied and not is_same_level and self._can_estimate(now_s):
            self._estimate_rate(now_s)
        elif ticket.was_full or is_same_level or self._n_answered >= level > self._answered_level:
            self._close_window(level - 1)
        else:
            self._lower_rate(now_s)
        self._trial_rate = _RATE_TRIAL * (self.pacer.per_s or 0.0)
        self._begin_anew()
        self._mark(now_s)

    def _deny(self, now_s: float) -> None:
        """The server refuses everything just now: try it now and then; what it takes meanwhile is its rate."""
        if now_s - self._mark_s > _LONG_DENIAL_S and self._n_taken() <= 1:
            self._clean_s = _MINUTE_S
        self._space_out(now_s)
        if self._can_estimate(now_s):
            self._estimate_rate(now_s)

    def _begin_anew(self) -> None:
        self._step, self._n_since_step, self._answered_level, self._n_answered = 1, 0, 0, 0

    def strained(self, ticket: Ticket, now_s: float) -> None:
        """The server was overloaded, late or not there: a weak sign, heeded when three in ten calls end so."""
        self._strain += _STRAIN_WEIGHT * (1.0 - self._strain)
        if self._strain < _STRAIN_LIMIT or ticket.number <= self._cut_number:
            return
        n_after_cut, self._cut_number = ticket.number - self._cut_number, self._n_sent
        if n_after_cut <= _DENIAL_CALLS:
            self._space_out(now_s)
        self._window = max(1.0, self.window * _STRAIN_CUT)
        self._is_fast, self._step, self._n_since_step, self._answered_level = False, 1, 0, 0

    def _space_out(self, now_s: float) -> None:
        self._was_denied = True
        self._spacing_s = min(_MOST_SPACING * self._first_spacing_s, max(self._first_spacing_s, 2.0 * self._last_spacing_s))
        self._spaced_until_s = now_s + self._spacing_s

    def _mark(self, now_s: float) -> None:
        self._mark_s, self._mark_number, self._n_refused, self._was_denied = now_s, self._n_sent, 0, False

    def _n_taken(self) -> int:
        """Calls since the mark that were not refused; refusals are prompt, so calls in flight count as taken."""
        return self._n_sent - self._mark_number - self._n_refused

    def _open_window(self, now_s: float) -> None:
        if self._is_fast:
            self._window = min(self._window + 1.0, float(self.ceiling))
            return
        self._n_since_step += 1
        is_cheap = self.pacer.per_s is None and not self._hold_until_s  # no pause follows a refusal, and nothing else binds
        n_calls = max(_STEP_CALLS / (self._step if is_cheap else 1), self.window)
        if self._n_since_step >= n_calls or now_s - max(self._refused_s, self._stepped_s) > _STEP_S:
            self._window = min(self.window + self._step, float(self.ceiling))
            self._step = max(1, min(2 * self._step, self.window // (3 if is_cheap else 4)))
            self._n_since_step, self._stepped_s = 0, now_s

    def _close_window(self, level: int) -> None:
        self._window = float(max(1, min(self.window, level)))
        self._is_fast = False
        self._n_in_flight_refusals, self._n_rate_refusals = self._n_in_flight_refusals + 1, 0
        if self._n_in_flight_refusals > 1:
            self.pacer.per_s = None

    def _raise_rate(self, rate: float, now_s: float) -> None:
        if now_s - self._refused_s > self._clean_s:
            self.pacer.per_s = rate * _RATE_LEAP
        else:
            self.pacer.per_s = max(rate, min(rate * _RATE_UP, self._trial_rate))

    def _lower_rate(self, now_s: float) -> None:
        self._n_in_flight_refusals, self._n_rate_refusals = 0, self._n_rate_refusals + 1
        if self.pacer.per_s is not None:
            leapt_from = min(self._trial_rate, self.pacer.per_s)
            self.pacer.per_s = _RATE_DOWN * math.sqrt(leapt_from * self.pacer.per_s)
        elif self._n_rate_refusals > 1 and self._can_estimate(now_s):
            self._estimate_rate(now_s)

    def _can_estimate(self, now_s: float) -> bool:
        return self._n_taken() >= _ESTIMATE_CALLS and now_s - self._mark_s >= self._first_spacing_s

    def _estimate_rate(self, now_s: float) -> None:
        """What was accepted between two refusals, or between a refusal and the end of it."""
        elapsed_s = now_s - self._mark_s
        if elapsed_s > MINUTE_S or self._clean_s == _MINUTE_S:
            estimate = self._taken.total(now_s) / min(MINUTE_S, now_s - self._first_s)
        else:
            estimate = self._n_taken() / elapsed_s
            if self.pacer.per_s is not None and estimate < self.pacer.per_s:  # it rested meanwhile: the truth lies between
                estimate = math.sqrt(estimate * self.pacer.per_s)
        self.pacer.per_s = _MARGIN * estimate
        self._trial_rate = _RATE_TRIAL * self.pacer.per_s
        self._n_in_flight_refusals, self._is_fast = 0, True
        self._mark(now_s)
