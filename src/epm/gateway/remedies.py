"""What to do where calls fail, by class: said by the breaker, by commands whose every item failed, and by estimates."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from epm.errors import ErrorClass

REMEDIES: Mapping[ErrorClass, str] = MappingProxyType(
    {
        ErrorClass.RATE_LIMITED: "wait and repeat the command, or set --rpm to what the account allows",
        ErrorClass.OVERLOADED: "wait and repeat the command",
        ErrorClass.TIMEOUT: "lower --concurrency, or raise --timeout-s or --item-timeout-s",
        ErrorClass.CONNECTION: "check --api-base, the network and its proxy, and that the server runs",
        ErrorClass.AUTH: "check the key that --api-key-env names, and the account's access to the model",
        ErrorClass.NO_CREDIT: "add money or raise the limit at the provider (its billing page), or name the key of another account with --api-key-env",
        ErrorClass.BAD_REQUEST: "check --model and --api-base, and whether the server takes structured output and tools ('epm doctor' tells)",
        ErrorClass.CONTEXT_TOO_LONG: "the prompts are longer than the model takes: set a longer context on the server, or take another model",
        ErrorClass.CONTENT_FILTER: "the provider's filter stops these pairs: look at them, or ask the provider for another filter setting",
        ErrorClass.TRUNCATED: "replies meet their token limit, and are billed: raise --reply-tokens, or take a model that writes less before its answer",
        ErrorClass.REPLY_TOO_LONG: "the server sends more than the tokens asked for can be: raise --reply-tokens if that is honest, or take another server",
        ErrorClass.INVALID_STRUCTURE: "ask 'epm doctor' which --structured the model knows, or take a larger model",
        ErrorClass.REFUSAL: "the model declines what it is asked: read a prompt with --dry-run, or take another model",
        ErrorClass.VETOED: "the checks refused what the model argued, twice: read one with 'epm why PAIR_ID', or take a larger model",
        ErrorClass.UNSUPPORTED: "take a model that answers this task",
        ErrorClass.BUDGET: "raise --max-item-cost-usd",
        ErrorClass.EGRESS: "name the server with --api-base, set NO_PROXY, or change the rule in epm.toml",
        ErrorClass.CANCELLED: "repeat the command",
        ErrorClass.BUG: "mend the function or program if it is your own, else report the error",
    }
)


def describe_failures(n_by_class: Mapping[ErrorClass, int]) -> str:
    """How many failed with each class, most first."""
    return ", ".join(f"{name.value} {count:,}" for name, count in _most_first(n_by_class))


def remedy_of(n_by_class: Mapping[ErrorClass, int]) -> str:
    """What to do about the class that most failed with."""
    return REMEDIES[_most_first(n_by_class)[0][0]]


def _most_first(n_by_class: Mapping[ErrorClass, int]) -> list[tuple[ErrorClass, int]]:
    return sorted(n_by_class.items(), key=lambda found: (-found[1], found[0].value))
