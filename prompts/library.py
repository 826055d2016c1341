"""The prompt library: one text file for each prompt and version, frozen once released.

A prompt lies in ``prompts/<task>/<role>.v<N>.md``: TOML front matter between ``+++`` lines, then ``# System`` and
``# User``. Its id is ``<task>/<role>.v<N>``. ``{{name}}`` marks a variable; every other brace is literal. Rendering is one
pass, so a value can never bring in another variable. ``prompts/lock.toml`` holds the SHA-256 of every released version:
new wording is a new file.

    system, user = load_prompt("teacher/ask.v1").render(listings=..., readings=..., identity=...)
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, ValidationError

from epm.errors import PromptError

_PLACEHOLDER = re.compile(r"\{\{([a-z][a-z0-9_]*)\}\}")
_PARTS = re.compile(r"\A\+\+\+\n(.*?)^\+\+\+\n\s*^# System\n(.*?)^# User\n(.*)\Z", re.DOTALL | re.MULTILINE)
_PROMPT_ID = re.compile(r"[a-z]+/[a-z_]+\.v[1-9][0-9]*")


class FrontMatter(BaseModel):
    """What stands above a prompt. ``output`` names the schema that the reply must follow."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    version: int
    variables: tuple[str, ...]
    output: str
    note: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """One released prompt; ``sha256`` is over the whole file with Unix line ends."""

    id: str
    version: int
    sha256: str
    output: str
    variables: tuple[str, ...]
    system: str
    user: str

    def render(self, **values: str) -> tuple[str, str]:
        """The system and user text with every variable filled in.

        Raises:
            PromptError: a variable is missing, or a value has no place in the prompt.
        """
        wanted = set(self.variables)
        if wanted != set(values):
            missing, unused = sorted(wanted - set(values)), sorted(set(values) - wanted)
            msg = f"prompt {self.id!r}: missing variables {missing}, unused variables {unused}; it takes exactly {sorted(wanted)}"
            raise PromptError(msg)
        return _fill(self.system, values), _fill(self.user, values)


def parse_prompt(prompt_id: str, text: str) -> Prompt:
    """The prompt that a file's text holds.

    Raises:
        PromptError: a part is missing, or front matter, id and placeholders disagree.
    """
    text = text.replace("\r\n", "\n")
    parts = _PARTS.match(text)
    if parts is None:
        msg = f"prompt {prompt_id!r}: expected '+++' front matter, then the lines '# System' and '# User'"
        raise PromptError(msg)
    try:
        front = FrontMatter.model_validate(tomllib.loads(parts.group(1)))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        msg = f"prompt {prompt_id!r} has wrong front matter: {' '.join(str(error).split())}"
        raise PromptError(msg) from error
    if f"{front.id}.v{front.version}" != prompt_id:
        msg = f"prompt {prompt_id!r} calls itself {front.id!r} version {front.version}; id and file name must agree"
        raise PromptError(msg)
    system, user = parts.group(2).strip(), parts.group(3).strip()
    named = set(_PLACEHOLDER.findall(system)) | set(_PLACEHOLDER.findall(user))
    if named != set(front.variables):
        msg = f"prompt {prompt_id!r} lists the variables {sorted(front.variables)} but its text has {sorted(named)}"
        raise PromptError(msg)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return Prompt(prompt_id, front.version, sha256, front.output, front.variables, system, user)


@cache
def load_prompt(prompt_id: str) -> Prompt:
    """The prompt of an id such as ``teacher/ask.v1``.

    Raises:
        PromptError: there is no such prompt, or its file is wrong.
    """
    if prompt_id not in prompt_ids():
        msg = f"prompt {prompt_id!r} is unknown: use one of {prompt_ids()}"
        raise PromptError(msg)
    return parse_prompt(prompt_id, files("epm.prompts").joinpath(f"{prompt_id}.md").read_text(encoding="utf-8"))


def prompt_ids() -> list[str]:
    """The ids of all prompts, sorted."""
    folders = (entry for entry in files("epm.prompts").iterdir() if entry.is_dir())
    found = (f"{folder.name}/{entry.name}".removesuffix(".md") for folder in folders for entry in folder.iterdir())
    return sorted(prompt_id for prompt_id in found if _PROMPT_ID.fullmatch(prompt_id))


def locked_shas() -> dict[str, str]:
    """The SHA-256 of every released prompt, by id, as ``lock.toml`` keeps them."""
    return _locked("sha256")


def locked_example_shas() -> dict[str, str]:
    """The SHA-256 of every file of worked cases, by id."""
    return _locked("examples")


def prompts_sha(used: Iterable[str]) -> str:
    """SHA-256 (hex) over ids and texts of the used prompts: part of a run's identity."""
    lines = (f"{prompt_id} {load_prompt(prompt_id).sha256}" for prompt_id in sorted(set(used)))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _locked(table: str) -> dict[str, str]:
    text = files("epm.prompts").joinpath("lock.toml").read_text(encoding="utf-8")
    return {str(key): str(value) for key, value in tomllib.loads(text)[table].items()}


def _fill(template: str, values: dict[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: values[found.group(1)], template)
