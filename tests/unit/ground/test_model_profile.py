"""Models with a name in ``epm.toml``: what they stand for, who wins, and that no key is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

import epm
from epm.cli.asked_model import asked_model
from epm.cli.asking import Asking
from epm.cli.money import Money
from epm.config_file import load_profile
from epm.egress import load_policy
from epm.errors import ConfigError
from epm.gateway.request import ModelSettings
from epm.registry import make_judge, make_matcher

KEY = "sk-proj-abc123def456ghi789"
RANDOM_KEY = "d41d8cd98f00b204e9800998ecf8427e"
CHEAP = """
[models.cheap]
model = "openai/gpt-4o-mini"
api_base = "http://127.0.0.1:1/v1"
api_key_env = "CHEAP_KEY"
price = "0.15,0.60"
reasoning_effort = "low"

[models.free]
model = "rules"
"""
SETTINGS = ModelSettings(
    "openai/gpt-4o-mini", "http://127.0.0.1:1/v1", "CHEAP_KEY", price_in_usd=0.15, price_out_usd=0.60, reasoning_effort="low"
)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("epm.toml").write_text(CHEAP, encoding="utf-8")


def test_a_profile_stands_for_the_model_with_all_that_is_said_of_it() -> None:
    assert asked_model("@cheap", Asking(), Money()) == SETTINGS
    assert asked_model("openai/gpt-4o-mini", Asking(), Money()) == ModelSettings("openai/gpt-4o-mini")


def test_options_beside_a_profile_win_one_by_one() -> None:
    asking = Asking(api_key_env="OTHER_KEY", reasoning_effort="high")
    found = asked_model("@cheap", asking, Money(price="1,2"))
    assert (found.api_key_env, found.reasoning_effort, found.price_in_usd, found.price_out_usd) == ("OTHER_KEY", "high", 1.0, 2.0)
    assert (found.name, found.api_base) == (SETTINGS.name, SETTINGS.api_base)
    based = asked_model("@cheap", Asking(), Money(base_model="gpt-4o"))
    assert (based.base_model, based.price_in_usd) == ("gpt-4o", None)


def test_a_profiles_key_is_not_sent_to_another_server_of_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    found = asked_model("@cheap", Asking(api_base="http://127.0.0.1:2/v1"), Money())
    assert (found.api_base, found.api_key_env) == ("http://127.0.0.1:2/v1", None)
    assert "the key of @cheap is not sent" in capsys.readouterr().err
    same = asked_model("@cheap", Asking(api_base=SETTINGS.api_base), Money())
    assert same.api_key_env == "CHEAP_KEY"


def test_an_unknown_profile_lists_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"'@chaep' is no profile of .*epm\.toml'; it has: @cheap, @free"):
        load_profile("@chaep", Path.cwd())
    Path("epm.toml").unlink()
    with pytest.raises(ConfigError, match=r"no epm\.toml is here or above: write one with \[models\.cheap\]"):
        load_profile("@cheap", Path.cwd())


@pytest.mark.parametrize(
    "line",
    [
        f'api_key_env = "{KEY}"', f'api_key_env = "{RANDOM_KEY}"', f'api_key = "{KEY}"', f'api_key = "{RANDOM_KEY}"', f'price = "{RANDOM_KEY}"',
        f'api_base = "https://user:{KEY}@host/v1"', f'base_model = "{KEY}"', f'reasoning_effort = "{KEY}"', f'api_key_env = ["{RANDOM_KEY}"]',
        f"{KEY} = 1", f'price = "1,2"\n[models.{KEY}]',
    ],
)  # fmt: skip
def test_a_key_in_the_file_is_refused_unshown_by_whoever_reads_it(line: str) -> None:
    Path("epm.toml").write_text(f'[models.cheap]\nmodel = "openai/gpt-4o-mini"\n{line}\n', encoding="utf-8")
    for read in (lambda: load_profile("@cheap", Path.cwd()), lambda: load_policy(Path.cwd())):
        with pytest.raises(ConfigError, match=r"epm\.toml") as caught:
            read()
        assert KEY not in str(caught.value)
        assert RANDOM_KEY not in str(caught.value)
        assert caught.value.__cause__ is None
    with pytest.raises(ConfigError) as caught:
        load_profile(f"@{KEY}", Path.cwd())
    assert KEY not in str(caught.value)


def test_what_is_wrong_in_a_profile_says_where_and_what_is_allowed() -> None:
    Path("epm.toml").write_text('[models.cheap]\nmodle = "rules"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"models\.cheap\.\w+.*settings of a profile are model, api_base, api_key_env"):
        load_profile("@cheap", Path.cwd())
    Path("epm.toml").write_text('[models.cheap]\nmodel = "@free"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"\[models\.cheap\]: '@free' is the name of a profile"):
        load_profile("@cheap", Path.cwd())
    Path("epm.toml").write_text('[models.cheap]\nmodel = "rules"\nprice = "1,2"\nbase_model = "gpt-4o"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="both say what the model costs"):
        load_profile("@cheap", Path.cwd())


def test_no_settings_matcher_or_judge_take_a_profiles_name() -> None:
    for made in (lambda: ModelSettings("@cheap"), lambda: make_matcher("multi-agent-rag:@cheap"), lambda: make_judge("core:@cheap")):
        with pytest.raises(ConfigError, match="'@cheap' is the name of a profile: give it to --model"):
            made()


def test_python_takes_a_profile_too() -> None:
    pair = epm.Pair("1", epm.Listing("a", "Kolvra KX-120 kettle"), epm.Listing("b", "Kolvra KX-120 kettle"))
    assert epm.match([pair], "multi-agent-rag", model="@free")[0].label is epm.Label.MATCH
