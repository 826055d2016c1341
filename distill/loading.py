"""Students on disk: the packaged seed, a model folder, a LoRA adapter folder over its base, or a hub name.

An adapter is merged into its base when it is loaded, unless it is to be trained further.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, cast

from epm.artifact import CARD_NAME, read_card
from epm.errors import ArtifactError, ConfigError
from epm.library_settings import require_docstrings

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

SEED = "seed"
ADAPTER_CONFIG = "adapter_config.json"
_WEIGHTS = ("adapter_model.safetensors", "model.safetensors", "model.safetensors.index.json")


@dataclass(frozen=True, slots=True)
class LoadedStudent:
    """A network in float32 with its tokenizer, ready to answer or to be trained. ``base`` is what an adapter stands on."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    source: str
    base: str
    sha256: str


def seed_folder() -> Path:
    """Where the packaged ``epm-seed`` lies.

    Raises:
        ArtifactError: the installation has no seed.
    """
    folder = Path(str(files("epm.distill").joinpath("seed")))  # the folder has no __init__, so files() alone is no path
    if not (folder / "model.safetensors").is_file():
        msg = f"the packaged seed student is missing at {str(folder)!r}: reinstall epm, or make one with 'epm distill pretrain -o FOLDER'"
        raise ArtifactError(msg)
    return folder


def load_student(source: str, *, is_trainable: bool = False) -> LoadedStudent:
    """The student of ``seed``, a folder, or a hub name.

    Args:
        source: ``seed``, the path of a model or adapter folder, or a hub name; only a hub name may reach the network.
        is_trainable: keep an adapter as a trainable ``PeftModel`` instead of merging it.

    Raises:
        ArtifactError: there is no student there, or it cannot be read.
        ConfigError: the 'distill' extra is not installed.
    """
    if source == SEED:
        return _load_folder(seed_folder(), SEED, is_trainable=is_trainable)
    folder = Path(source)
    if folder.is_dir():
        return _load_folder(folder, str(folder.resolve()), is_trainable=is_trainable)
    if folder.exists() or folder.is_absolute() or source.startswith((".", "~")) or source.count("/") > 1:
        msg = f"no student at {source!r}: give 'seed', the folder that 'epm distill' wrote, or a hub name like 'Qwen/Qwen3-0.6B'"
        raise ArtifactError(msg)
    model, tokenizer = _load_base(source, local_only=False)
    return LoadedStudent(model, tokenizer, source, source, hashlib.sha256(source.encode()).hexdigest())


def base_of(folder: Path) -> str:
    """What the adapter in a folder was trained on, as its card says: ``seed``, an absolute path, or a hub name.

    Raises:
        ArtifactError: the folder has no card, or the card names no base.
    """
    base = read_card(folder, kind="student").config.get("base")
    if not isinstance(base, str):
        msg = f"adapter {str(folder)!r} does not name its base in {CARD_NAME}; train it anew with 'epm distill sft'"
        raise ArtifactError(msg)
    return base


def student_sha(folder: Path) -> str:
    """SHA-256 of the weights and, for an adapter, of its base: equal for equal students."""
    digest = hashlib.sha256()
    for name in (*_WEIGHTS, "tokenizer.json"):
        if (folder / name).is_file():
            digest.update((folder / name).read_bytes())
    if (folder / ADAPTER_CONFIG).is_file():
        base = base_of(folder)
        base_path = seed_folder() if base == SEED else Path(base)
        digest.update(student_sha(base_path).encode() if base_path.is_dir() else base.encode())
    return digest.hexdigest()


def _load_folder(folder: Path, source: str, *, is_trainable: bool) -> LoadedStudent:
    if (folder / CARD_NAME).is_file():
        read_card(folder, kind="student")  # a folder of another program has none
    if not (folder / ADAPTER_CONFIG).is_file():
        if not (folder / "config.json").is_file():
            msg = f"folder {str(folder)!r} holds no student: neither config.json nor {ADAPTER_CONFIG}; give the folder that 'epm distill' wrote"
            raise ArtifactError(msg)
        model, tokenizer = _load_base(str(folder), local_only=True)
        return LoadedStudent(model, tokenizer, source, source, student_sha(folder))
    from peft import PeftModel

    base = load_student(base_of(folder))
    _check_adapter_config(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # what one library deprecates in another, a user cannot change
        try:
            adapted = PeftModel.from_pretrained(base.model, str(folder), is_trainable=is_trainable)
        except Exception as error:  # as below: what reads the files raises classes of its own
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ArtifactError(f"cannot load adapter {str(folder)!r}: {reason}; train it anew with 'epm distill'") from error
        # a PeftModel answers and trains like the network it wraps, but is declared as a plain module
        model = cast("PreTrainedModel", adapted if is_trainable else adapted.merge_and_unload(safe_merge=True).eval())
    return LoadedStudent(model, base.tokenizer, source, base.source, student_sha(folder))


def _check_adapter_config(folder: Path) -> None:
    try:
        json.loads((folder / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"adapter {str(folder)!r} has a damaged {ADAPTER_CONFIG}: {error}; train it anew"
        raise ArtifactError(msg) from error


def _load_base(name: str, *, local_only: bool) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    require_docstrings("transformers")
    try:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging
    except ModuleNotFoundError as error:
        raise ConfigError(f"a student needs the package {error.name or 'torch'!r}: pip install 'epm[distill]'") from error

    logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, local_files_only=local_only)
        model = AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32, local_files_only=local_only)
    except Exception as error:  # damaged files: Rust's readers raise classes of their own, or bare Exception
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        msg = f"cannot load student {name!r}: {reason}; give 'seed', a folder that 'epm distill' wrote, or a hub name"
        raise ArtifactError(msg) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left"
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.nn.Module.to(model, device)  # the library's own wrapper hides the signature
    return model.eval(), tokenizer
