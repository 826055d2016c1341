"""A fitted pair model on disk: ``model.json`` and ``model.npz`` beside ``card.json``. Numbers and words only: loading runs no code."""

from __future__ import annotations

import io
import json
import tokenize
import zipfile
import zlib
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from epm.errors import ArtifactError
from epm.files.atomic import write_bytes, write_text
from epm.first_problem import first_problem
from epm.matchers.linear_model import LinearModel
from epm.matchers.pair_model import Calibration, PairModel, PairScorer
from epm.matchers.tree_model import TreeModel
from epm.matchers.word_statistics import N_BUCKETS, WordStatistics

_TEXT, _ARRAYS = "model.json", "model.npz"
_TREE_ARRAYS = tuple(field.name for field in fields(TreeModel) if field.name != "bias")
_REMEDY = "make it anew with 'epm fit evidence-model TRAIN -o FOLDER'"


class _ModelText(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    schema_version: Literal[1] = 1
    features: list[str]
    threshold: Annotated[float, Field(ge=0, le=1)]
    slope: Annotated[float, Field(gt=0)]
    shift: float
    linear_bias: float | None
    tree_bias: float | None
    n_listings: Annotated[int, Field(ge=0)]
    word_counts: dict[str, Annotated[int, Field(ge=0)]]


def write_pair_model(folder: Path, model: PairModel) -> None:
    """Write the model into the folder.

    Raises:
        DataError: a file cannot be written there.
    """
    linear, trees, words = model.scorer.linear, model.scorer.trees, model.words
    text = _ModelText(
        features=list(model.features), threshold=model.threshold, slope=model.calibration.slope, shift=model.calibration.shift,
        linear_bias=None if linear is None else linear.bias, tree_bias=None if trees is None else trees.bias,
        n_listings=words.n_listings, word_counts=dict(words.word_counts),
    )  # fmt: skip
    arrays: dict[str, npt.NDArray[np.generic]] = {"gram_counts": words.gram_counts}
    if linear is not None:
        arrays["weights"] = linear.weights
    if trees is not None:
        arrays.update({name: getattr(trees, name) for name in _TREE_ARRAYS})
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **arrays)
    write_bytes(folder / _ARRAYS, packed.getvalue())
    write_text(folder / _TEXT, json.dumps(text.model_dump(), ensure_ascii=False, sort_keys=True) + "\n")


def read_pair_model(folder: Path, *, features: tuple[str, ...]) -> PairModel:
    """The model in the folder, which must have been fitted on exactly these features.

    Raises:
        ArtifactError: a file is missing or damaged, or the features are others.
    """
    try:
        text = _ModelText.model_validate_json((folder / _TEXT).read_text(encoding="utf-8"))
        arrays = _arrays(folder / _ARRAYS)
        if tuple(text.features) != features:
            odd = sorted(set(text.features) ^ set(features))
            msg = f"evidence-model {str(folder)!r} was fitted on other features (first odd one: {odd[0] if odd else 'their order'!r}); {_REMEDY}"
            raise ArtifactError(msg)
        return PairModel(features, _words(text, arrays), _scorer(text, arrays), Calibration(text.slope, text.shift), text.threshold)
    except OSError as error:
        raise ArtifactError(f"cannot read evidence-model {str(folder)!r}: {error.strerror or error}; {_REMEDY}") from error
    except ValidationError as error:
        raise ArtifactError(f"evidence-model {str(folder)!r} is damaged: {_TEXT}, {first_problem(error)}; {_REMEDY}") from error
    # what a wrong byte makes of an archive: no archive, a member that ends too soon, is packed in an unknown way or under a password,
    # or an array whose head is no Python literal
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError, SyntaxError, tokenize.TokenError) as error:
        raise ArtifactError(f"evidence-model {str(folder)!r} is damaged: {error or type(error).__name__}; {_REMEDY}") from error


def _arrays(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    """The arrays by name; one that holds anything but finite numbers would make every probability NaN."""
    # Read whole first: of a cut file numpy would leave the stream open.
    packed = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
    if not isinstance(packed, np.lib.npyio.NpzFile):
        raise ValueError(f"{path.name} holds one array, not several by name")  # noqa: TRY004 - what is wrong is the file
    with packed:
        arrays = {name: packed[name] for name in packed.files}
    for name, array in arrays.items():
        if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
            raise ValueError(f"array {name!r} holds something else than finite numbers")
    return arrays


def _words(text: _ModelText, arrays: dict[str, npt.NDArray[np.generic]]) -> WordStatistics:
    counts = np.asarray(arrays["gram_counts"], dtype=np.int32)
    if counts.shape != (N_BUCKETS,):
        raise ValueError(f"gram_counts has shape {counts.shape}, not {(N_BUCKETS,)}")
    return WordStatistics(text.n_listings, text.word_counts, counts)


def _scorer(text: _ModelText, arrays: dict[str, npt.NDArray[np.generic]]) -> PairScorer:
    n_features = len(text.features)
    linear = trees = None
    if text.linear_bias is not None:
        weights = np.asarray(arrays["weights"], dtype=np.float64)
        if weights.shape != (n_features,):
            raise ValueError(f"weights has shape {weights.shape}, not {(n_features,)}")
        linear = LinearModel(weights, text.linear_bias)
    if text.tree_bias is not None:
        feature, lower, higher, roots = (np.asarray(arrays[name], dtype=np.int64) for name in ("feature", "lower", "higher", "roots"))
        threshold, value = (np.asarray(arrays[name], dtype=np.float64) for name in ("threshold", "value"))
        trees = TreeModel(feature, threshold, lower, higher, value, roots, text.tree_bias)
        _check_trees(trees, n_features)
    if linear is None and trees is None:
        raise ValueError("it holds no scorer")
    return PairScorer(linear, trees)


def _check_trees(trees: TreeModel, n_features: int) -> None:
    """Refuse nodes that would be walked in a circle or out of bounds."""
    n_nodes = len(trees.feature)
    places = np.arange(n_nodes)
    if any(array.shape != (n_nodes,) for array in (trees.threshold, trees.lower, trees.higher, trees.value)):
        raise ValueError("its trees have nodes of several lengths")
    is_leaf = (trees.lower == places) & (trees.higher == places)
    is_forward = (np.minimum(trees.lower, trees.higher) > places) & (np.maximum(trees.lower, trees.higher) < n_nodes)
    in_range = (trees.feature >= 0) & (trees.feature < n_features)
    if not np.all((is_leaf | is_forward) & in_range) or np.any((trees.roots < 0) | (trees.roots >= n_nodes)):
        raise ValueError("its trees point out of bounds or in a circle")
