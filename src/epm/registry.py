"""Names of built-in matchers and judges, loaded when asked for; entry points are for third parties.

A built-in is one line in a literal dict: name to ``module:factory``. The factory takes the ARG of ``NAME:ARG``
(``None`` without one) and returns the matcher or judge. Third parties register factories under the entry-point groups
``epm.matchers``, ``epm.judges`` and ``epm.web_searches``; a built-in name cannot be taken over.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import cast

from epm.errors import ConfigError
from epm.judge import Judge, JudgeFactory
from epm.knowledge.web_search import WebSearch, WebSearchFactory
from epm.matcher import Matcher, MatcherFactory

WEB_SEARCHES = "epm.web_searches"
MATCHERS = {
    "tfidf": "epm.matchers.tfidf:make",
    "model-token": "epm.matchers.model_token:make",
    "evidence-rules": "epm.matchers.evidence_rules:make",
    "evidence-model": "epm.matchers.evidence_model:make",
    "recorded": "epm.matchers.recorded:make",
    "python": "epm.matchers.own_function:make",
    "command": "epm.matchers.own_program:make",
    "encoder": "epm.distill.encoder:make",
    "multi-agent-rag": "epm.agents.matcher:make",
    "multi-agent-rag-lean": "epm.agents.matcher:make_lean",
    "zero-shot": "epm.agents.baselines:make_zero_shot",
    "cot": "epm.agents.baselines:make_cot",
    "entity-attr": "epm.agents.baselines:make_entity_attr",
    "reasoning": "epm.agents.baselines:make_reasoning",
    "select": "epm.agents.select:make",
    "question-variants": "epm.agents.question_variants:make",
    "seed": "epm.distill.student:make_seed",
    "student": "epm.distill.student:make",
    "student-label": "epm.distill.student:make_label_mode",
}
JUDGES = {
    "checks": "epm.judges.checks:make",
    "core": "epm.judges.model_judge:make_core",
    "identifier": "epm.judges.model_judge:make_identifier",
    "variant": "epm.judges.model_judge:make_variant",
}


def make_matcher(spec: str) -> Matcher:
    """The matcher of ``NAME`` or ``NAME:ARG``.

    Raises:
        ConfigError: the name is unknown, its extra is not installed, or the argument is wrong.
    """
    factory, arg = _find(spec, MATCHERS, "matcher")
    return cast(MatcherFactory, factory)(arg)


def make_judge(spec: str) -> Judge:
    """The judge of ``NAME`` or ``NAME:ARG``; raises like :func:`make_matcher`."""
    factory, arg = _find(spec, JUDGES, "judge")
    return cast(JudgeFactory, factory)(arg)


def make_web_search(spec: str) -> WebSearch:
    """The web search of ``NAME`` or ``NAME:ARG``: third parties' alone, for none is built in.

    Raises:
        ConfigError: the name is unknown, or the argument is wrong.
    """
    name, colon, arg = spec.partition(":")
    found = {point.name: point for point in entry_points(group=WEB_SEARCHES)}
    if name not in found:
        known = f"use one of {sorted(found)}" if found else "none is installed"
        raise ConfigError(
            f"web search {name!r} is unknown: {known}; a plug-in registers itself under the entry-point group {WEB_SEARCHES!r}"
        )
    return cast(WebSearchFactory, found[name].load())(arg if colon else None)


def _find(spec: str, built_in: dict[str, str], noun: str) -> tuple[object, str | None]:
    name, colon, arg = spec.partition(":")
    target = built_in.get(name)
    if target is None:
        found = {point.name: point for point in entry_points(group=f"epm.{noun}s")}
        if name not in found:
            msg = f"{noun} {name!r} is unknown: use one of {sorted({*built_in, *found})}"
            raise ConfigError(msg)
        return found[name].load(), arg if colon else None
    module, _, attribute = target.partition(":")
    try:
        return getattr(import_module(module), attribute), arg if colon else None
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("epm"):
            raise
        extra = "distill" if module.startswith("epm.distill") else "rag"
        msg = f"{noun} {name!r} needs the package {error.name!r}: pip install 'epm[{extra}]'"
        raise ConfigError(msg) from error
