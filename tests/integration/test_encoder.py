"""The encoder from fit to decision, on a network of a few thousand weights made on the fly."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from epm.artifact import read_card
from epm.cli.app import build_app
from epm.decision import Decision, Outcome
from epm.errors import ArtifactError, ConfigError
from epm.eval.metrics import choose_threshold, measure, outcomes
from epm.files.pairs import PairFile, write_pairs
from epm.listing import Listing
from epm.matcher import MatchContext
from epm.pair import Pair
from epm.progress import ProgressEvent
from epm.relation import Label

pytest.importorskip("torch")
pytest.importorskip("sentence_transformers")
pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

from epm.distill.encoder import make  # noqa: E402 - torch may be absent
from epm.distill.encoder_card import weights_sha  # noqa: E402
from epm.distill.encoder_data import EncoderData, encoder_data  # noqa: E402
from epm.distill.encoder_fitting import fit_encoder  # noqa: E402
from epm.distill.encoder_network import load_base, load_trained, log_odds, text_pairs, without_marks  # noqa: E402
from epm.distill.encoder_recipe import EncoderRecipe  # noqa: E402

WORDS = ("red", "blue", "green", "cup", "mug", *map(str, range(10)))


def pairs(n: int, seed: int, *, green: float = 0.0) -> tuple[Pair, ...]:
    """Red cups match, blue ones do not; a share of ``green`` matches among green ones, which nothing in the text tells apart."""
    rng = random.Random(seed)
    found = []
    for at in range(n):
        colour = WORDS[at % 3] if green else WORDS[at % 2]
        is_match = rng.random() < green if colour == "green" else colour == "red"
        left, right = (Listing(f"{side}{seed}-{at}", f"{colour} {noun} {rng.randint(0, 9)}") for side, noun in (("l", "cup"), ("r", "mug")))
        found.append(Pair(f"{seed}-{at}", left, right, Label.MATCH if is_match else Label.NO_MATCH))
    return tuple(found)


def pair_file(found: tuple[Pair, ...]) -> PairFile:
    return PairFile(found, "sha", 0, (), ())


def decide(folder: Path, batch: tuple[Pair, ...]) -> list[Decision]:
    return asyncio.run(make(str(folder)).decide(batch, MatchContext()))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained BERT with a vocabulary of the words above."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("base")
    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    (folder / "vocab.txt").write_text("\n".join([*marks, *WORDS]) + "\n", encoding="utf-8")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(marks) + len(WORDS), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=64, initializer_range=0.2,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def recipe(base: Path) -> EncoderRecipe:
    return EncoderRecipe(base=str(base), epochs=4, learning_rate=3e-3, batch_size=8, max_tokens=32)


@pytest.fixture(scope="module")
def data() -> EncoderData:
    """Green cups are a match for one in ten of the pairs to train on, and for all of the pairs to choose on."""
    return encoder_data(pair_file(pairs(240, 1, green=0.1)), pair_file(pairs(60, 2, green=1.0)), seed=0)


@pytest.fixture(scope="module")
def fitted(data: EncoderData, recipe: EncoderRecipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder") / "model"
    fit_encoder(data, folder, recipe)
    return folder


def test_the_encoder_decides_unseen_pairs_and_its_card_says_how_it_was_made(fitted: Path, recipe: EncoderRecipe) -> None:
    unseen = pairs(40, 99)
    decisions = decide(fitted, unseen)
    assert [d.pair_id for d in decisions] == [p.id for p in unseen]
    assert sum(d.label is p.gold_label for d, p in zip(decisions, unseen, strict=True)) >= 38
    card = read_card(fitted, kind="encoder")
    assert {name: card.config[name] for name in ("base", "epochs", "learning_rate", "max_tokens", "warmup_share", "seed")} == {
        "base": recipe.base, "epochs": 4, "learning_rate": 3e-3, "max_tokens": 32, "warmup_share": 0.1, "seed": 0,
    }  # fmt: skip
    assert {"torch", "sentence-transformers"} <= set(card.versions)
    assert card.data == {"train": "sha", "valid": "sha"}
    held_out = card.figures["held_out_f1"]
    assert isinstance(held_out, dict)
    assert held_out[f"epoch {card.figures['best_epoch']}"] == max(held_out.values())


def test_both_orders_of_a_pair_have_one_probability_though_the_network_tells_them_apart(fitted: Path) -> None:
    tried = pairs(30, 98, green=0.5)
    forward, backward = decide(fitted, tried), decide(fitted, tuple(pair.swapped() for pair in tried))
    assert [d.probability for d in forward] == pytest.approx([d.probability for d in backward], abs=1e-6)
    model = load_trained(fitted, max_tokens=32)
    texts = text_pairs(tried)
    one, other = (model.predict(order, show_progress_bar=False) for order in (texts, [(right, left) for left, right in texts]))
    assert max(abs(one - other)) > 1e-4


def test_the_threshold_is_the_best_of_the_validation_pairs_and_of_no_others(fitted: Path, data: EncoderData) -> None:
    for chosen_on, is_best in ((data.valid, True), (data.train, False)):
        seen = outcomes(chosen_on, decide(fitted, chosen_on))
        best = measure(seen.at_threshold(choose_threshold(seen) or 0.0)).f1
        assert (measure(seen).f1 == pytest.approx(best)) is is_best
    unlike = tuple(replace(pair, gold_label=Label.NO_MATCH) for pair in data.valid)
    assert [d.label for d in decide(fitted, unlike)] == [d.label for d in decide(fitted, data.valid)]


def test_a_seed_gives_one_network_and_another_seed_another(data: EncoderData, recipe: EncoderRecipe, tmp_path: Path) -> None:
    import torch

    short = replace(recipe, epochs=1, non_matches=1.0)
    cards = []
    for at, (name, seed) in enumerate((("first", 3), ("again", 3), ("other", 7))):
        torch.manual_seed(at)  # what was drawn before must not matter
        cards.append(fit_encoder(data, tmp_path / name, replace(short, seed=seed)))
    first, again, other = cards
    assert weights_sha(tmp_path / "first") == weights_sha(tmp_path / "again") != weights_sha(tmp_path / "other")
    assert first.config == again.config
    assert {**first.figures, "seconds": 0} == {**again.figures, "seconds": 0}
    assert torch.initial_seed() == 2
    assert (first.config["seed"], other.config["seed"]) == (3, 7)


def interrupted(stage: str) -> Callable[[ProgressEvent], None]:
    def sink(event: ProgressEvent) -> None:
        if event.stage == stage:
            raise KeyboardInterrupt

    return sink


@pytest.mark.parametrize("stage", ["encoder epoch 1", "encoder epoch 1 on valid", "encoder: write"])
def test_an_interruption_leaves_no_half_artifact(data: EncoderData, recipe: EncoderRecipe, tmp_path: Path, stage: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit_encoder(data, tmp_path / "model", replace(recipe, epochs=1), on_progress=interrupted(stage))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_refused_before_any_training(fitted: Path, data: EncoderData, recipe: EncoderRecipe) -> None:
    with pytest.raises(ArtifactError, match="choose another folder"):
        fit_encoder(data, fitted, recipe, on_progress=interrupted("encoder epoch 1"))


def test_a_pair_that_cannot_be_read_is_a_failed_record_and_takes_no_other_with_it(fitted: Path) -> None:
    good = pairs(3, 97)
    bad = Pair("bad", Listing("x", "red \ud800 cup"), Listing("y", "red mug"))
    decisions = decide(fitted, (good[0], bad, *good[1:]))
    assert [d.outcome for d in decisions] == [Outcome.DECIDED, Outcome.FAILED, Outcome.DECIDED, Outcome.DECIDED]
    assert [d.probability for d in decisions if d.pair_id != "bad"] == pytest.approx(
        [d.probability for d in decide(fitted, good)], abs=1e-6
    )


def test_a_title_cannot_end_its_side_with_the_tokenizers_own_mark(fitted: Path) -> None:
    model = load_trained(fitted, max_tokens=32)
    marked, plain = (Pair("p", Listing("l", f"red cup{mark}blue"), Listing("r", "red mug 3")) for mark in (" [SEP] ", " "))
    assert without_marks(model, text_pairs([marked])) == text_pairs([plain])
    assert log_odds(model, [marked]) == pytest.approx(log_odds(model, [plain]), abs=1e-6)


def test_a_base_that_is_not_there_is_an_artifact_error(tmp_path: Path) -> None:
    for source in (str(tmp_path / "absent"), "./absent", str(tmp_path)):
        with pytest.raises(ArtifactError):
            load_base(source, max_tokens=32)


def test_more_tokens_than_the_base_can_read_are_refused_before_any_training(base: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read 65 tokens at a time"):
        load_base(str(base), max_tokens=65)
    assert load_base(str(base), max_tokens=64).model.max_seq_length == 64


def test_fit_match_and_bench_take_the_encoder_by_its_folder(base: Path, tmp_path: Path) -> None:
    for name, seed in (("train", 1), ("valid", 2), ("test", 3)):
        write_pairs(tmp_path / f"{name}.jsonl", pairs(80, seed))
    folder, runner = tmp_path / "model", CliRunner()
    options = ["--base", str(base), "--epochs", "6", "--learning-rate", "3e-3", "--batch-size", "8", "--max-tokens", "32", "--json"]
    fit = runner.invoke(
        build_app(),
        ["fit", "encoder", str(tmp_path / "train.jsonl"), "--valid", str(tmp_path / "valid.jsonl"), "-o", str(folder), *options],
    )
    assert fit.exit_code == 0, fit.output
    assert json.loads(fit.stdout)["n_held_out"] == 80
    assert "split: shared pairs of valid with train; of 80 pairs, " in fit.stderr
    assert "encoder epoch 6: 10/10" in fit.stderr
    match = runner.invoke(build_app(), ["match", str(tmp_path / "test.jsonl"), "--matcher", f"encoder:{folder}"])
    assert match.exit_code == 0, match.output
    assert all(0 <= json.loads(line)["probability"] <= 1 for line in match.stdout.splitlines())
    bench = runner.invoke(build_app(), ["bench", str(tmp_path / "test.jsonl"), "--matcher", f"encoder:{folder}", "--json"])
    (row,) = json.loads(bench.stdout)["rows"]
    assert (row["coverage"], row["n_failed"], row["threshold"]) == (1.0, 0, "as-is")
    assert row["f1"] > 0.9
