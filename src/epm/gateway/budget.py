"""Caps on money and tokens: the worst case of a call is held before it is sent, and settled by what it really took.

A call that does not fit waits for calls in flight to settle below their worst case; when none is left, the cap is reached.
So a cap is passed only where a server bills more than it was asked for. Lost calls (timeout, connection, cancelled) may
have been billed: they are settled at their worst case. One ``Budget`` belongs to one gateway and to no event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from epm.errors import BudgetError, ConfigError, EpmError, ErrorClass, ModelError
from epm.gateway.bounds import JUDGE_ROLES, NO_BOUNDS, Bounds, SharedBudget, SpendingLog, Spent
from epm.gateway.prices import FREE, Price, unknown_price
from epm.gateway.request import CallScope, ChatReply, ChatRequest, Usage
from epm.gateway.tokens import most_tokens

_ROUNDING_USD = 1e-9


@dataclass(slots=True)
class _Account:
    """What is spent and held against one cap in money, tokens or both."""

    name: str
    remedy: str
    max_usd: float | None
    max_tokens: int | None
    cost_usd: float
    tokens: int
    is_item: bool = False

    def refusal(self, worst: Spent) -> str | None:
        """Why a call does not fit, or ``None`` when it does."""
        if self.max_usd is not None and self.cost_usd + worst.cost_usd > self.max_usd + _ROUNDING_USD:
            figures, option = (
                f"${self.cost_usd:.4f} of ${self.max_usd:.4f} spent, the next call may cost ${worst.cost_usd:.4f}",
                "--max-cost-usd",
            )
        elif self.max_tokens is not None and self.tokens + worst.tokens > self.max_tokens:
            figures, option = (
                f"{self.tokens:,} of {self.max_tokens:,} tokens spent, the next call may take {worst.tokens:,}",
                "--max-tokens",
            )
        else:
            return None
        return f"the cap of {self.name} is reached: {figures}; {self.remedy.format(option=option)}"

    def add(self, cost_usd: float, tokens: int) -> None:
        self.cost_usd += cost_usd
        self.tokens += tokens

    def error(self, reason: str) -> EpmError:
        return ModelError(reason, ErrorClass.BUDGET) if self.is_item else BudgetError(reason)


class Hold:
    """A call's worst case, held until it is settled; ``bill`` settles it and says what the call took."""

    def __init__(self, budget: Budget, request: ChatRequest, worst: Spent, accounts: tuple[_Account, ...]) -> None:
        self.worst = worst
        self.accounts = accounts
        self.is_open = True
        self._budget = budget
        self._request = request

    def bill(self, reply: ChatReply | None, *, is_lost: bool = False) -> tuple[Usage, float | None]:
        """Tokens and USD (``None``: unknown) of a delivered reply, of a lost call at its worst, or nothing of a refused one."""
        usage, cost_usd = Usage(0, 0), None if is_lost else 0.0
        if reply is not None:
            usage, cost_usd = reply.usage, reply.cost_usd
        elif is_lost:
            usage, cost_usd = self._budget.lost(self._request)
        if cost_usd is None and self.accounts:
            cost_usd = self._budget.cost_usd(self._request, usage)
        self._budget.settle(self, cost_usd, usage)
        return usage, cost_usd


class Budget:
    """Holds and settles what one gateway's calls may cost; without bounds it lets everything pass.

    Args:
        bounds: the caps.
        price_of: the price of a model name; ``None`` when it is unknown.
        log: says what earlier processes spent on a run.
        shared: the budget that ``bounds.shared`` names.
    """

    def __init__(
        self, bounds: Bounds = NO_BOUNDS, price_of: Callable[[str], Price | None] = lambda _model: None, *,
        log: SpendingLog | None = None, shared: SharedBudget | None = None,
    ) -> None:  # fmt: skip
        self.bounds = bounds
        self._price_of = price_of
        self._log = log
        self._shared = shared
        self._sample = _Account(
            "this estimate", "estimate with fewer items (--estimate N) or a larger --max-cost-usd", bounds.max_sample_usd, None, 0.0, 0
        )
        self._accounts: dict[tuple[str | None, str | None, bool], _Account] = {}
        self._n_held = 0
        self._n_settled = 0
        self._waiting: list[asyncio.Future[None]] = []

    @asynccontextmanager
    async def hold(self, request: ChatRequest, scope: CallScope) -> AsyncIterator[Hold]:
        """The worst case of a call, held for the ``async with`` block; one that was not billed by its end counts as lost.

        Raises:
            BudgetError: a cap of the run, or a shared one, is reached.
            ModelError: ``budget``, the item's own cap is reached.
            ConfigError: a cap on money, and the model's price is unknown.
        """
        held = await self._reserve(request, scope) if self.bounds.is_any else Hold(self, request, Spent(), ())
        try:
            yield held
        finally:
            if held.is_open:
                held.bill(None, is_lost=True)

    def left_usd(self, run_id: str | None, *, judging: bool = False) -> float | None:
        """What the run may still cost, or ``None`` without a cap on its money."""
        if self._shared is not None:
            return self._shared.left_usd()
        if self.bounds.max_cost_usd is None:
            return None
        return max(0.0, self.bounds.max_cost_usd - self._run_account(run_id, judging=judging).cost_usd)

    def rest(self) -> Bounds:
        """The bounds that what follows under no run may keep to: these, less what was spent; a shared cap knows that itself."""
        account, cap = self._run_account(None, judging=False), self.bounds
        usd, tokens = cap.max_cost_usd, cap.max_tokens
        return replace(
            cap, max_cost_usd=usd if usd is None or self._shared is not None else max(0.0, usd - account.cost_usd),
            max_tokens=None if tokens is None else max(0, tokens - account.tokens),
        )  # fmt: skip

    def lost(self, request: ChatRequest) -> tuple[Usage, float | None]:
        """Tokens and USD of a call whose answer never came: its worst case where that is known, flagged as estimated."""
        try:
            usage = most_tokens(request.body)
        except ConfigError:
            return Usage(0, 0, is_estimated=True), None
        cost_usd = self.cost_usd(request, usage)
        return (Usage(0, 0, is_estimated=True), None) if cost_usd is None and not self.bounds.is_any else (usage, cost_usd)

    def cost_usd(self, request: ChatRequest, usage: Usage) -> float | None:
        """The usage at the model's price; ``None`` when that is unknown."""
        price = self._price_of(str(request.body.get("model", "")))
        return None if price is None else price.cost_usd(usage)

    def settle(self, held: Hold, cost_usd: float | None, usage: Usage) -> None:
        """Replace what was held by what was spent, and let waiting calls look again."""
        held.is_open = False
        if not held.accounts:
            return
        spent_usd, tokens = cost_usd or 0.0, usage.prompt_tokens + usage.completion_tokens
        for account in held.accounts:
            account.add(spent_usd - held.worst.cost_usd, tokens - held.worst.tokens)
        if self._shared is not None:
            self._shared.settle(held.worst.cost_usd, spent_usd)
        self._n_held -= 1
        self._wake()

    async def _reserve(self, request: ChatRequest, scope: CallScope) -> Hold:
        worst = self._worst(request)
        judging = scope.role.startswith(JUDGE_ROLES)
        accounts = [self._sample, self._run_account(scope.run_id, judging=judging)]
        if self.bounds.max_item_cost_usd is not None and scope.item_id is not None:
            accounts.append(self._item_account(scope.run_id, scope.item_id, judging=judging))
        while True:
            n_settled = self._n_settled
            error = await self._take(worst, accounts)
            if error is None:
                return Hold(self, request, worst, tuple(accounts))
            if n_settled != self._n_settled:
                continue  # something settled while the shared budget was asked
            if self._n_held == 0:
                raise error
            await self._next_settlement()

    async def _take(self, worst: Spent, accounts: list[_Account]) -> EpmError | None:
        """Nothing when the amount was held everywhere; else why not, with nothing held."""
        error = _refusal(worst, accounts)
        if error is not None:
            return error
        if self._shared is not None:
            if not await self._shared.take(worst.cost_usd):
                return BudgetError(self._shared.refusal(worst.cost_usd))
            error = _refusal(worst, accounts)  # others may have held meanwhile
            if error is not None:
                self._shared.settle(worst.cost_usd, 0.0)
                return error
        for account in accounts:
            account.add(worst.cost_usd, worst.tokens)
        self._n_held += 1
        return None

    def _worst(self, request: ChatRequest) -> Spent:
        if self.bounds.max_tokens is None and self._price_of(str(request.body.get("model", ""))) == FREE:
            return Spent()  # not even a request without an end can cost anything
        usage = most_tokens(request.body)
        cost_usd = self.cost_usd(request, usage)
        if cost_usd is None and self.bounds.is_money:
            raise ConfigError(unknown_price(str(request.body.get("model"))))
        return Spent(cost_usd or 0.0, usage.prompt_tokens + usage.completion_tokens)

    async def _next_settlement(self) -> None:
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await waiting

    def _wake(self) -> None:
        self._n_settled += 1
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def _run_account(self, run_id: str | None, *, judging: bool) -> _Account:
        max_usd = None if self._shared is not None else self.bounds.max_cost_usd
        name, remedy = "this run", "repeat the same command with a larger {option} to go on"
        if run_id is None:  # of no run: the next command begins at nothing, but what was answered is kept
            name, remedy = "this command", "repeat it with a larger {option}: what it was answered is kept and costs nothing again"
        return self._account((run_id, None, judging), lambda: (name, remedy, max_usd, self.bounds.max_tokens))

    def _item_account(self, run_id: str | None, item_id: str, *, judging: bool) -> _Account:
        remedy = "repeat the same command with a larger --max-item-cost-usd to try the item again"
        return self._account((run_id, item_id, judging), lambda: (f"item {item_id!r}", remedy, self.bounds.max_item_cost_usd, None))

    def _account(
        self, key: tuple[str | None, str | None, bool], described: Callable[[], tuple[str, str, float | None, int | None]]
    ) -> _Account:
        found = self._accounts.get(key)
        if found is None:
            run_id, item_id, judging = key
            before = Spent() if self._log is None or run_id is None else self._log.spent(run_id, item_id, judging=judging)
            found = self._accounts[key] = _Account(*described(), before.cost_usd, before.tokens, is_item=item_id is not None)
        return found


def _refusal(worst: Spent, accounts: list[_Account]) -> EpmError | None:
    refusals = ((account, account.refusal(worst)) for account in accounts)
    return next((account.error(reason) for account, reason in refusals if reason is not None), None)
