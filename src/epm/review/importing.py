"""Answers from a file into the store: all of them checked first, bad rows named, and none kept twice."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from epm.errors import DataError
from epm.identity import IdentityRule
from epm.review.answer import Review, check_rater, read_answer
from epm.review.cells import written_out
from epm.review.label_studio import read_tasks
from epm.review.sheet import read_sheet
from epm.review.task import GivenAnswer
from epm.store.purged import PURGED
from epm.store.review_queue import ItemKey, add_reviews, queue_keys, stored_reviews
from epm.store.store import RunStore

_SHOWN_PROBLEMS = 5

RuleOfRun = Mapping[str, IdentityRule]
"""The identity rule of each run, by run id."""


@dataclass(frozen=True, slots=True)
class ImportedReviews:
    """How many answers were new, how many the store had already, how many rows had none, and what was wrong with skipped rows."""

    n_new: int
    n_known: int
    n_unanswered: int
    problems: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The figures as JSON values."""
        return asdict(self)


def import_reviews(store: RunStore, path: Path, rules: RuleOfRun, *, skip_bad: bool = False) -> ImportedReviews:
    """What an import brought; ``skip_bad`` keeps the good rows of a file that has bad ones.

    Raises:
        DataError: the file cannot be read, or rows of it are wrong; names them with the reasons, and nothing was kept.
    """
    given = read_tasks(path) if path.suffix.lower() == ".json" else read_sheet(path)
    checked = _Checked(store, rules)
    problems = []
    for answer in given:
        try:
            checked.take(answer)
        except DataError as error:
            problems.append(f"{answer.place} {error}")
    if problems and not skip_bad:
        more = f"; and {len(problems) - _SHOWN_PROBLEMS:,} more" if len(problems) > _SHOWN_PROBLEMS else ""
        raise DataError(
            f"{str(path)!r}: {'; '.join(problems[:_SHOWN_PROBLEMS])}{more}. Nothing was imported: correct the file, or add --on-bad-row skip"
        )
    fresh = checked.fresh()
    n_new = store.write(lambda connection: add_reviews(connection, fresh))
    return ImportedReviews(n_new, checked.n_answered - n_new, checked.n_unanswered, tuple(problems))


class _Checked:
    """The answers of one file that stood the checks."""

    def __init__(self, store: RunStore, rules: RuleOfRun) -> None:
        self._rules = rules
        self._keys = {(run_id, written_out(item_id)): (run_id, item_id) for run_id, item_id in store.read(queue_keys)}
        self._known = {_by(review): review for review in store.read(stored_reviews)}
        self._new: dict[tuple[ItemKey, str], Review] = {}
        self.n_answered = 0
        self.n_unanswered = 0

    def fresh(self) -> list[Review]:
        """The answers that the store does not hold."""
        return list(self._new.values())

    def take(self, given: GivenAnswer) -> None:
        """Check one row and keep its answer.

        Raises:
            DataError: it cannot be kept.
        """
        if given.problem is not None:
            raise DataError(given.problem)
        key = self._keys.get((given.run_id, given.item_id))
        if key is None:
            msg = f"names item {given.item_id[:60]!r} of run {given.run_id[:60]!r}, which is not in the queue of this store"
            raise DataError(f"{msg}: check --store, and the ids as they were exported")
        said = read_answer(given.label, given.relation, given.note, self._rules[key[0]])
        if said is None:
            self.n_unanswered += 1
            return
        review = Review(*key, check_rater(given.rater), said.answer, said.relation, said.note, time.time())
        earlier = self._known.get(_by(review)) or self._new.get(_by(review))
        if earlier is not None and _differ(earlier, review):
            was, is_ = _words(earlier), _words(review)
            raise DataError(f"answers item {key[1][:60]!r} with {is_}, but {review.rater!r} answered {was}: answers are never changed")
        self.n_answered += 1
        if earlier is None:
            self._new[_by(review)] = review


def _by(review: Review) -> tuple[ItemKey, str]:
    return (review.run_id, review.item_id), review.rater


def _differ(earlier: Review, review: Review) -> bool:
    if (earlier.answer, earlier.relation) != (review.answer, review.relation):
        return True
    # spreadsheets change line ends, and a purge takes notes
    return earlier.note != PURGED and written_out(earlier.note or "").split() != written_out(review.note or "").split()


def _words(review: Review) -> str:
    parts = (review.answer.value, review.relation and review.relation.value, review.note and f"note {review.note[:60]!r}")
    return ", ".join(part for part in parts if part)
