"""The chain pretrain, SFT, GRPO, student on a network of a few thousand weights made on the fly."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from epm.artifact import read_card
from epm.decision import Outcome
from epm.errors import ArtifactError, ConfigError, ErrorClass, TrainError
from epm.identity import FAMILY
from epm.judge import JudgeContext
from epm.judgement import AxisScore, Judgement
from epm.listing import Listing
from epm.matcher import MatchContext
from epm.pair import Pair
from epm.rationale import Axis, AxisFinding, Comparison, Rationale, Verdict
from epm.relation import Label, Relation
from epm.student_prompt import TAGS, Mode, render_prompt
from epm.student_text import render

pytest.importorskip("torch")
pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

from epm.distill.architecture import SeedShape  # noqa: E402 - torch may be absent
from epm.distill.dataset import SftRow  # noqa: E402
from epm.distill.decoding import Sampling, generate, match_log_odds  # noqa: E402
from epm.distill.examples import label_example, rationale_example  # noqa: E402
from epm.distill.grpo import GrpoRecipe, run_grpo  # noqa: E402
from epm.distill.loading import load_student, student_sha  # noqa: E402
from epm.distill.pretrain import PretrainRecipe, pretrain  # noqa: E402
from epm.distill.sft import SftRecipe, run_sft  # noqa: E402
from epm.distill.student import make, make_label_mode, make_seed  # noqa: E402
from epm.distill.tokenizer import train_tokenizer  # noqa: E402

TINY = SeedShape(hidden=48, layers=2, heads=2, intermediate=96, context_tokens=256, init_std=0.25)
SAME_CORE = AxisFinding(comparisons=(), verdict=Verdict.SAME)
SILENT = AxisFinding(comparisons=(), verdict=Verdict.UNKNOWN)


def toy_pairs(n_pairs: int, seed: int, *, colours: Sequence[str] = ("red", "blue", "green")) -> list[tuple[Pair, Rationale]]:
    """Red cups match, blue cups do not, green ones by chance: what a network of this size learns in seconds."""
    rng = random.Random(seed)
    found = []
    for at in range(n_pairs):
        colour = rng.choice(colours)
        is_match = rng.random() < 1 / 2 if colour == "green" else colour == "red"
        relation, label = (Relation.EXACT, Label.MATCH) if is_match else (Relation.DIFFERENT, Label.NO_MATCH)
        left, right = (Listing(f"{side}{seed}-{at}", f"{colour} cup {rng.randint(10, 99)}") for side in "lr")
        variant = AxisFinding(
            comparisons=(Comparison(attribute="colour", left=colour, right=colour, verdict=Verdict.SAME),), verdict=Verdict.SAME
        )
        rationale = Rationale(core=SAME_CORE, identifier=SILENT, variant=variant, relation=relation, label=label)
        found.append((Pair(f"{seed}-{at}", left, right, label, relation), rationale))
    return found


def recipe(steps: int) -> PretrainRecipe:
    return PretrainRecipe(
        steps=steps, vocab_size=300, shape=TINY, learning_rate=4e-3, batch_size=16, chunk_pairs=256, max_tokens=128, checkpoint_minutes=1e9
    )  # fmt: skip


def sft_rows(n_pairs: int) -> list[SftRow]:
    rows = []
    for pair, rationale in toy_pairs(n_pairs, 5):
        for example in (rationale_example(pair, rationale), label_example(pair, rationale)):
            assert example is not None
            rows.append(
                SftRow(
                    pair_id=pair.id, prompt=example.prompt, completion=example.completion, mode=example.mode,
                    gold_label=pair.gold_label, teacher_label=rationale.label, relation=rationale.relation,
                )
            )  # fmt: skip
    return rows


class ColourJudge:
    """Likes rationales that call a pair exact; cannot score the identifier axis."""

    name = "colour"
    version = "1"

    async def score(self, batch: Sequence[tuple[Pair, Rationale]], ctx: JudgeContext) -> list[Judgement]:
        return [Judgement(pair.id, rationale.sha(), self.name, self._axes(rationale)) for pair, rationale in batch]

    def _axes(self, rationale: Rationale) -> tuple[AxisScore, ...]:
        score = 1.0 if rationale.relation is Relation.EXACT else 0.5
        return (AxisScore(Axis.CORE, score), AxisScore.unscored(Axis.IDENTIFIER, "silent"), AxisScore(Axis.VARIANT, score))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    pretrain(folder, recipe(400), source=toy_pairs)
    return folder


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adapter")
    run_sft(sft_rows(200), folder, SftRecipe(base=str(base), epochs=2, learning_rate=3e-3, batch_size=16, lora_rank=8))
    return folder


def test_every_mark_is_one_token_digits_are_single_and_a_word_is_split_alike_wherever_it_stands() -> None:
    texts = [text for pair, rationale in toy_pairs(50, 1) for text in (render_prompt(pair), render(rationale))]
    tokenizer = train_tokenizer(texts, vocab_size=320)
    for tag in TAGS:
        assert len(tokenizer(tag)["input_ids"]) == 1
    assert len(tokenizer("2024")["input_ids"]) == 4
    quoted, listed = tokenizer("|Kolvra|")["input_ids"], tokenizer(" Kolvra ")["input_ids"]
    assert quoted[1:-1] == listed[1:-1]
    for text in [*texts, "naïve ☕ \u2028 <b> 50 % |~ &amp;"]:
        assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == text


def test_a_vocabulary_without_room_for_bytes_is_refused() -> None:
    with pytest.raises(TrainError, match=r"too small"):
        train_tokenizer(["a"], vocab_size=200)


def test_an_interrupted_pretraining_goes_on_where_it_was_and_ends_alike(tmp_path: Path) -> None:
    whole = pretrain(tmp_path / "whole", recipe(12), source=toy_pairs)
    half = replace(recipe(12), steps=6)
    pretrain(tmp_path / "parts", half, source=toy_pairs)
    resumed = pretrain(tmp_path / "parts", replace(half, steps=12), source=toy_pairs)
    assert (whole.n_steps, resumed.n_steps) == (12, 12)
    assert resumed.n_examples == whole.n_examples
    with pytest.raises(TrainError, match=r"another recipe"):
        pretrain(tmp_path / "parts", replace(recipe(20), learning_rate=1e-3), source=toy_pairs)


def test_pretraining_can_begin_with_the_weights_and_tokenizer_of_an_earlier_student(base: Path, tmp_path: Path) -> None:
    start = replace(recipe(1), start=str(base), learning_rate=1e-9)
    result = pretrain(tmp_path / "on", start, source=toy_pairs)
    assert result.completion_nll < 0.5 * pretrain(tmp_path / "anew", recipe(1), source=toy_pairs).completion_nll
    assert (tmp_path / "on" / "tokenizer.json").read_bytes() == (base / "tokenizer.json").read_bytes()


def test_beginning_with_a_student_of_another_shape_is_refused(base: Path, tmp_path: Path) -> None:
    start = replace(recipe(1), start=str(base), shape=replace(TINY, hidden=64))
    with pytest.raises(TrainError, match="its shape is not the recipe's"):
        pretrain(tmp_path / "on", start, source=toy_pairs)


def test_the_pretrained_student_decides_unseen_pairs_and_its_card_says_how_it_was_made(base: Path) -> None:
    pairs = [pair for pair, _ in toy_pairs(40, 99, colours=("red", "blue"))]
    decisions = asyncio.run(make(str(base)).decide(pairs, MatchContext()))
    right = [d.label is p.gold_label for d, p in zip(decisions, pairs, strict=True)]
    assert sum(right) >= 36
    assert [d.pair_id for d in decisions] == [p.id for p in pairs]
    assert all(d.probability is not None and (d.probability > 0.5) == (d.label is Label.MATCH) for d in decisions)
    card = read_card(base, kind="student")
    assert card.figures["n_steps"] == 400


def test_label_mode_gives_both_orders_of_a_pair_the_same_probability(base: Path) -> None:
    pairs = [pair for pair, _ in toy_pairs(8, 98)]
    student = make_label_mode(str(base))
    forward = asyncio.run(student.decide(pairs, MatchContext()))
    backward = asyncio.run(student.decide([pair.swapped() for pair in pairs], MatchContext()))
    assert [d.probability for d in forward] == pytest.approx([d.probability for d in backward], abs=1e-5)
    assert all(d.outcome is Outcome.DECIDED and d.rationale is None for d in forward)


def test_batching_and_padding_do_not_change_an_answer(base: Path) -> None:
    student = load_student(str(base))
    prompts = [render_prompt(pair) for pair, _ in toy_pairs(6, 97)]
    prompts.append(render_prompt(Pair("long", Listing("a", "red cup 11 " * 4), Listing("b", "red cup 12 " * 4))))
    together = generate(student.model, student.tokenizer, prompts, Sampling(60))
    assert together == [generate(student.model, student.tokenizer, [prompt], Sampling(60))[0] for prompt in prompts]
    odds = match_log_odds(student.model, student.tokenizer, prompts)
    assert odds == pytest.approx([match_log_odds(student.model, student.tokenizer, [p])[0] for p in prompts], abs=1e-4)


def test_malformed_text_is_a_failed_decision_and_never_a_no_match(tmp_path: Path) -> None:
    pretrain(tmp_path, recipe(1), source=toy_pairs)
    (decision,) = asyncio.run(make(str(tmp_path)).decide([toy_pairs(1, 3)[0][0]], MatchContext()))
    assert (decision.outcome, decision.label, decision.error_class) == (Outcome.FAILED, None, ErrorClass.INVALID_STRUCTURE)


def test_sft_moves_the_adapter_lowers_the_loss_and_is_loaded_with_its_base(base: Path, adapter: Path) -> None:
    card = read_card(adapter, kind="student")
    assert card.config["base"] == str(base)
    assert card.parents == {"base": student_sha(base)}
    pairs = [pair for pair, _ in toy_pairs(30, 96, colours=("red", "blue"))]
    decisions = asyncio.run(make(str(adapter)).decide(pairs, MatchContext()))
    assert sum(d.label is p.gold_label for d, p in zip(decisions, pairs, strict=True)) >= 27
    assert str(base) not in (adapter / "tokenizer.json").read_text(encoding="utf-8")


def test_grpo_refuses_a_student_whose_samples_are_malformed(tmp_path: Path) -> None:
    pretrain(tmp_path / "raw", recipe(1), source=toy_pairs)
    run_sft(sft_rows(8), tmp_path / "sft", SftRecipe(base=str(tmp_path / "raw"), epochs=1, batch_size=8, lora_rank=2))
    pairs = [pair for pair, _ in toy_pairs(40, 95)]
    with pytest.raises(TrainError, match=r"well formed, 95% are needed.*epm distill sft"):
        run_grpo(
            pairs, str(tmp_path / "sft"), tmp_path / "out", judges=[ColourJudge()], recipe=GrpoRecipe(steps=1, n_probe=10, max_tokens=40)
        )
    assert not (tmp_path / "out" / "card.json").exists()


def test_grpo_refuses_a_student_without_an_adapter(base: Path, tmp_path: Path) -> None:
    pairs = [pair for pair, _ in toy_pairs(40, 95)]
    with pytest.raises(TrainError, match=r"no adapter"):
        run_grpo(pairs, str(base), tmp_path, judges=[ColourJudge()], recipe=GrpoRecipe(steps=1, n_probe=10))


def test_grpo_trains_the_adapter_measures_the_same_probe_twice_and_keeps_its_log(adapter: Path, tmp_path: Path) -> None:
    pairs = [pair for pair, _ in toy_pairs(80, 94)]
    grpo = GrpoRecipe(steps=2, prompts_per_step=4, samples_per_prompt=4, n_probe=20, max_tokens=40, beta=0.02, learning_rate=1e-3)
    result = run_grpo(pairs, str(adapter), tmp_path, judges=[ColourJudge()], recipe=grpo)
    low, high = result.reward_gain_ci95
    assert low <= result.reward_gain <= high
    assert len(result.before.rewards) == len(result.after.rewards) == 20
    log = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(log) == 2
    assert {"reward", "rewards/label/mean", "rewards/core/mean", "kl", "frac_reward_zero_std", "positive_rate"} <= set(log[0])
    card = read_card(tmp_path, kind="student")
    assert card.figures["n_unscored"] == card.figures["n_judged"]
    decisions = asyncio.run(make(str(tmp_path)).decide(pairs[:10], MatchContext()))
    assert all(d.outcome is Outcome.DECIDED for d in decisions)


def test_no_training_begins_where_its_result_would_not_fit(
    base: Path, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: usage._replace(free=1_000_000))
    pairs = [pair for pair, _ in toy_pairs(24, 9)]
    trainings: tuple[Callable[[Path], object], ...] = (
        lambda out: run_sft(sft_rows(8), out, SftRecipe(base=str(base), epochs=1)),
        lambda out: run_grpo(pairs, str(adapter), out, judges=[ColourJudge()], recipe=GrpoRecipe(steps=1)),
        lambda out: pretrain(out, replace(recipe(5), shape=replace(TINY, hidden=192, intermediate=384))),
    )
    for at, train in enumerate(trainings):
        with pytest.raises(ArtifactError, match=r"needs \d+ MB in '.*', and its disk has 1 MB left: make room .* nothing was trained"):
            train(tmp_path / str(at))

    assert [path.name for path in tmp_path.iterdir()] == ["2"]  # pretraining has written its tokenizer


def test_a_student_that_is_not_there_is_an_artifact_error(tmp_path: Path) -> None:
    for source in (str(tmp_path / "absent"), "./absent", str(tmp_path)):
        with pytest.raises(ArtifactError):
            load_student(source)


def test_a_student_answers_under_its_own_identity_rule_only(base: Path) -> None:
    with pytest.raises(ConfigError, match=r"identity rule"):
        asyncio.run(make(str(base)).decide([toy_pairs(1, 3)[0][0]], MatchContext(identity=FAMILY)))


def test_matchers_without_or_with_a_superfluous_argument_are_refused() -> None:
    for factory, arg in ((make, None), (make_label_mode, None), (make_seed, "x")):
        with pytest.raises(ConfigError):
            factory(arg)


def test_mode_is_part_of_the_matchers_version() -> None:
    assert make("x").version != make_label_mode("x").version
    assert Mode.LABEL.value in make_label_mode("x").version
