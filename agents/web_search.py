"""The web search that a run was told to use, and what of its listings it may see then."""

from __future__ import annotations

from epm.egress import EgressPolicy, is_local
from epm.knowledge.web_search import WebSearch, require_allowed
from epm.registry import make_web_search
from epm.socket_guard import policy_in_force


def web_search_in_force(spec: str | None, egress: EgressPolicy) -> tuple[WebSearch | None, EgressPolicy]:
    """The search and the policy of the run's prompts: a local model sees hidden fields, but what it asks the web leaves the machine.

    Raises:
        ConfigError: the search is unknown, or the egress policy forbids one of its hosts; nothing was looked up.
    """
    if spec is None:
        return None, egress
    search, policy = make_web_search(spec), policy_in_force()
    require_allowed(search, policy)
    return search, egress if all(map(is_local, search.hosts)) else policy
