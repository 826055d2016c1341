"""What ``epm.toml`` holds: what may leave, and the models that have a name. A mistake anywhere in the file is refused.

A person may have written a key into it, so no value of a model's profile stands in a message.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from epm.config import CONFIG_FILE, config_file
from epm.errors import ConfigError
from epm.first_problem import first_problem
from epm.gateway.misplaced import refuse_misplaced_keys
from epm.gateway.request import PROFILE_MARK, ModelSettings
from epm.gateway.secrets import without_secrets
from epm.model_profile import ModelProfile, is_profile, require_sound_profiles

_MODELS = "models"


class EgressTable(BaseModel):
    """``[egress]``."""

    model_config = ConfigDict(extra="forbid")

    hosts: tuple[str, ...] | None = None
    fields: tuple[str, ...] | None = None
    local_only: bool = False


class _ConfigFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    egress: EgressTable = EgressTable()
    models: dict[str, ModelProfile] = {}


@dataclass(frozen=True, slots=True)
class FoundConfig:
    """The file that counts in a folder, and what it says."""

    path: Path
    egress: EgressTable
    models: dict[str, ModelProfile] = field(default_factory=dict)


def read_config(folder: Path) -> FoundConfig | None:
    """What the configuration that counts in a folder says (``config.config_file``); ``None`` where there is none.

    Raises:
        ConfigError: the file cannot be read, names an unknown setting, or holds a key in place of a variable's name.
    """
    path = config_file(folder)
    if path is None:
        return None
    try:
        found = _ConfigFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        require_sound_profiles(found.models)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError, RecursionError, ConfigError) as error:
        problem = _problem(error) if isinstance(error, ValidationError) else str(error)
        # the cause would show values of the file
        raise ConfigError(f"cannot use {str(path)!r}: {without_secrets(problem, None)}; mend it or move it away") from None
    return FoundConfig(path, found.egress, found.models)


def load_profile(model: str, folder: Path) -> ModelProfile:
    """The profile that ``@NAME`` names in the configuration that counts in a folder.

    Raises:
        ConfigError: there is no such profile, or no such file; lists the profiles that there are.
    """
    refuse_misplaced_keys({"model": model})
    name, found = model.removeprefix(PROFILE_MARK), read_config(folder)
    if found is None:
        raise ConfigError(
            f"model {model!r} names a profile, and no {CONFIG_FILE} is here or above: write one with [models.{name or 'NAME'}]"
        )
    if name not in found.models:
        known = ", ".join(PROFILE_MARK + known for known in sorted(found.models)) or "none"
        raise ConfigError(f"model {model!r} is no profile of {str(found.path)!r}; it has: {known}")
    return found.models[name]


def model_settings(model: str, folder: Path) -> ModelSettings:
    """The settings of a model by its litellm name, or of the profile that ``@NAME`` names; raises like :func:`load_profile`."""
    return load_profile(model, folder).settings() if is_profile(model) else ModelSettings(model)


def _problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    if first["loc"][:1] != (_MODELS,):
        return first_problem(error)
    place = ".".join(str(part) for part in first["loc"])
    settings = f"settings of a profile are {', '.join(ModelProfile.model_fields)}, and a key goes into the variable that api_key_env names"
    if first["type"] == "extra_forbidden":
        return f"{place} does not exist; {settings}"
    return f"{place}: {first['msg']}; {settings}"
