"""What an encoder is trained and chosen on: labelled pairs, and what the two parts share.

Without validation pairs a part of the training pairs is cut off on products, so that the figures are of products the network
has not seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from epm.errors import TrainError
from epm.eval.leakage import Leakage, leakage
from epm.eval.product_split import split_products
from epm.files.pairs import PairFile
from epm.matchers.text_similarity import gold_matches
from epm.pair import Pair

_MIN_MATCHES = 20
_HELD_OUT_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class EncoderData:
    """Labelled pairs to train on and to choose on, and the SHA-256 of their files; ``n_cross`` pairs were dropped across a cut."""

    train: tuple[Pair, ...]
    valid: tuple[Pair, ...]
    sha256: Mapping[str, str]
    n_cross: int = 0

    @property
    def leakage(self) -> Leakage:
        """What the validation pairs share with the training pairs."""
        return leakage(self.valid, self.train)

    def figures(self) -> dict[str, object]:
        """Counts by part, and the leakage, for the card."""
        shared = self.leakage
        return {
            "n_pairs": len(self.train), "n_matches": sum(gold_matches(self.train)[1]), "n_held_out": len(self.valid),
            "n_held_out_matches": sum(gold_matches(self.valid)[1]), "n_cross_dropped": self.n_cross,
            "leakage": {"kind": shared.kind, **asdict(shared)},
        }  # fmt: skip


def encoder_data(train: PairFile, valid: PairFile | None, *, seed: int) -> EncoderData:
    """The labelled pairs of the files; without a validation file, a product-disjoint part of the training file takes its place.

    Raises:
        TrainError: too few matches or non-matches in one of the two.
        DataError: the training pairs cannot be cut on products.
    """
    labelled = _labelled("train", train)
    if valid is None:
        split = split_products(labelled, {"train": 1 - _HELD_OUT_SHARE, "valid": _HELD_OUT_SHARE}, seed=seed)
        found = EncoderData(split.parts["train"], split.parts["valid"], {"train": train.sha256}, split.n_cross)
    else:
        found = EncoderData(labelled, _labelled("valid", valid), {"train": train.sha256, "valid": valid.sha256})
    for part, pairs, least in (("train", found.train, _MIN_MATCHES), ("valid", found.valid, 1)):
        matches = gold_matches(pairs)[1]
        if min(sum(matches), len(matches) - sum(matches)) < least:
            msg = f"encoder needs at least {least} matches and {least} non-matches in {part}, got {sum(matches)} and {len(matches) - sum(matches)}; label more pairs{'' if valid else ', or give pairs to choose on with --valid'}"
            raise TrainError(msg)
    return found


def _labelled(part: str, file: PairFile) -> tuple[Pair, ...]:
    labelled = tuple(gold_matches(file.pairs)[0])
    if not labelled:
        raise TrainError(
            f"encoder needs labels, but none of the {len(file.pairs)} {part} pairs has one: fill the column gold_label (or label) with match and no_match"
        )
    return labelled
