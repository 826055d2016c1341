"""Recipe, data, schedule, card and refusals of the encoder, all without torch."""

from __future__ import annotations

import json
import random
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from epm.artifact import write_card
from epm.distill.encoder_card import EncoderDecision, read_encoder, weights_sha
from epm.distill.encoder_data import encoder_data
from epm.distill.encoder_recipe import EncoderRecipe
from epm.distill.encoder_training import batches, drawn_rows, rate_factor
from epm.errors import ArtifactError, ConfigError, TrainError
from epm.files.pairs import PairFile
from epm.listing import Listing
from epm.pair import Pair
from epm.registry import make_matcher
from epm.relation import Label


def pair_file(n_products: int, *, labelled: bool = True, name: str = "p") -> PairFile:
    """For each product a match of its two listings, and a non-match with the next product."""
    pairs = []
    for at in range(n_products):
        listings = [Listing(f"{name}{side}{at}", f"cup {name} {at} {side}") for side in "lr"]
        other = Listing(f"{name}x{at}", f"other {name} {at}")
        for right, label in ((listings[1], Label.MATCH), (other, Label.NO_MATCH)):
            pairs.append(Pair(f"{name}{at}-{label.value}", listings[0], right, label if labelled else None))
    return PairFile(tuple(pairs), f"sha-{name}", 0, (), ())


def sound_artifact(folder: Path, **changes: object) -> Path:
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    decision = {"weights_sha256": weights_sha(folder), "max_tokens": 64, "slope": 1.0, "shift": 0.0, "threshold": 0.4, **changes}
    write_card(folder, kind="encoder", name="n", data={}, config={"decision": decision}, versions={}, figures={})
    return folder


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0}, {"learning_rate": 0.0}, {"learning_rate": float("nan")}, {"batch_size": 0}, {"max_tokens": 7}, {"warmup_share": 1.0},
        {"positive_weight": -1.0}, {"non_matches": 0.0},
    ],
)  # fmt: skip
def test_a_recipe_that_cannot_train_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="an encoder"):
        EncoderRecipe(**wrong)  # type: ignore[arg-type]


def test_without_validation_pairs_the_part_that_chooses_shares_no_product_with_the_part_that_trains() -> None:
    data = encoder_data(pair_file(60), None, seed=3)
    assert data.leakage.kind == "disjoint products"
    assert len(data.train) + len(data.valid) + data.n_cross == 120
    assert data.sha256 == {"train": "sha-p"}
    assert data == encoder_data(pair_file(60), None, seed=3)


def test_what_validation_pairs_share_with_the_training_pairs_stands_in_the_figures() -> None:
    train = pair_file(30)
    valid = replace(pair_file(30, name="v"), pairs=(*train.pairs[:4], *pair_file(30, name="v").pairs))
    figures = encoder_data(train, valid, seed=0).figures()
    assert figures["leakage"] == {"kind": "shared pairs", "n": 64, "n_same_pair": 4, "n_shared_listing": 4, "n_shared_product": 4}
    assert (figures["n_pairs"], figures["n_matches"], figures["n_held_out"], figures["n_held_out_matches"]) == (60, 30, 64, 32)


def test_too_few_labels_or_none_are_refused_with_what_to_do() -> None:
    with pytest.raises(TrainError, match="at least 20 matches and 20 non-matches in train, got 19 and 19; label more"):
        encoder_data(pair_file(19), pair_file(5, name="v"), seed=0)
    with pytest.raises(TrainError, match="none of the 60 train pairs has one"):
        encoder_data(pair_file(30, labelled=False), pair_file(5, name="v"), seed=0)
    with pytest.raises(TrainError, match="none of the 10 valid pairs has one"):
        encoder_data(pair_file(30), pair_file(5, labelled=False, name="v"), seed=0)


def test_the_rate_climbs_to_its_peak_and_falls_to_nothing() -> None:
    factors = [rate_factor(step, 20, 0.2) for step in range(20)]
    assert factors[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert factors[4:] == sorted(factors[4:], reverse=True)
    assert 0 < factors[-1] < 0.1
    assert rate_factor(0, 20, 0.0) == 1.0


def test_an_epoch_holds_every_row_once_in_batches_of_like_length() -> None:
    texts = [("x" * random.Random(at).randint(1, 500), "y") for at in range(320)]
    found = list(batches(texts, range(320), 32, random.Random(0)))
    assert sorted(row for batch in found for row in batch) == list(range(320))
    widths = [len(texts[row][0]) for batch in found for row in batch]
    spread = [max(len(texts[row][0]) for row in batch) - min(len(texts[row][0]) for row in batch) for batch in found]
    assert max(spread) < (max(widths) - min(widths)) / 3
    assert found != list(batches(texts, range(320), 32, random.Random(1)))


def test_every_match_and_some_non_matches_are_drawn_anew_for_each_epoch() -> None:
    matches = [at % 10 == 0 for at in range(200)]
    rng = random.Random(0)
    first, second = (drawn_rows(matches, 3, rng) for _ in range(2))
    assert sum(matches[row] for row in first) == sum(matches[row] for row in second) == 20
    assert len(set(first)) == len(first) == 80
    assert first != second
    assert drawn_rows(matches, None, rng) == list(range(200))
    assert len(drawn_rows(matches, 99, rng)) == 200


def test_a_sound_card_is_read_with_its_decision(tmp_path: Path) -> None:
    _, decision = read_encoder(sound_artifact(tmp_path / "m"))
    assert (decision.threshold, decision.max_tokens, decision.text) == (0.4, 64, "encoder-text v1")


@pytest.mark.parametrize(
    "wrong", [{"threshold": 1.5}, {"slope": 0.0}, {"shift": "x"}, {"more": 1}, {"text": "encoder-text v9"}, {"weights_sha256": "0" * 64}]
)
def test_a_card_that_says_it_wrongly_is_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(ArtifactError, match="epm fit encoder"):
        read_encoder(sound_artifact(tmp_path / "m", **wrong))


def test_a_folder_of_another_kind_or_without_weights_is_refused(tmp_path: Path) -> None:
    write_card(tmp_path / "s", kind="student", name="n", data={}, config={}, versions={}, figures={})
    with pytest.raises(ArtifactError, match="'encoder' is needed"):
        make_matcher(f"encoder:{tmp_path / 's'}")
    (sound_artifact(tmp_path / "m") / "model.safetensors").unlink()
    with pytest.raises(ArtifactError, match=r"no model\.safetensors"):
        make_matcher(f"encoder:{tmp_path / 'm'}")
    with pytest.raises(ConfigError, match="encoder:FOLDER"):
        make_matcher("encoder")


@pytest.mark.parametrize("package", ["torch", "sentence_transformers"])
def test_a_missing_package_is_named_with_what_to_install(tmp_path: Path, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=rf"needs the package '{package.replace('_', '-')}': pip install 'epm\[distill\]'"):
        make_matcher(f"encoder:{sound_artifact(tmp_path / 'm')}")


def test_the_card_is_plain_json(tmp_path: Path) -> None:
    card = json.loads((sound_artifact(tmp_path / "m") / "card.json").read_text(encoding="utf-8"))
    assert EncoderDecision.model_validate(card["config"]["decision"]).slope == 1.0
