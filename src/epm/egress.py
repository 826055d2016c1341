"""What may leave the machine: to which hosts, and which fields of a listing.

    [egress]                                # in epm.toml, in the folder where the command runs
    hosts = ["api.openai.com", "*.openai.azure.com"]
    fields = ["title", "brand", "attributes.colour"]
    local_only = false

Without the file everything may leave that a command was told to send. ``--local-only`` forbids every host but this machine.
The policy is checked where a model is named, before anything is sent; beneath it :func:`guard_sockets` refuses names and
addresses at the socket, so that no library finds another way out.
"""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from epm.errors import ConfigError
from epm.listing import TEXT_FIELDS, Listing
from epm.pair import Pair

CONFIG_FILE = "epm.toml"
ATTRIBUTES = "attributes"
_LOCAL_NAMES = frozenset({"localhost", "localhost.localdomain", "ip6-localhost"})


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """What may leave. ``hosts`` and ``fields`` of ``None`` allow all; ``*.name`` allows every host below a name."""

    hosts: tuple[str, ...] | None = None
    fields: frozenset[str] | None = None
    is_local_only: bool = False

    def allows_host(self, host: str) -> bool:
        """True if something may be sent to a host; this machine is always allowed."""
        if is_local(host):
            return True
        if self.is_local_only:
            return False
        name = host.lower().rstrip(".")
        return self.hosts is None or any(fnmatchcase(name, pattern) for pattern in self.hosts)

    def check_host(self, host: str, what: str) -> None:
        """Nothing, when something may be sent to a host.

        Raises:
            ConfigError: names ``what`` would have been sent where, and the setting that forbids it.
        """
        if self.allows_host(host):
            return
        rule = "--local-only allows this machine alone" if self.is_local_only else f"[egress] hosts in {CONFIG_FILE} allows {self.hosts}"
        msg = f"{what} is at {host!r}, where nothing may be sent: {rule}; use a local server (--api-base http://localhost:…) or change the rule"
        raise ConfigError(msg)

    def for_host(self, host: str) -> EgressPolicy:
        """The policy as it binds what is sent to a host: none for this machine, because nothing leaves."""
        return OPEN if is_local(host) else self

    def visible(self, pair: Pair) -> Pair:
        """The pair with the fields that may leave; ids, labels and extras stay, because they are in no prompt."""
        if self.fields is None:
            return pair
        return replace(pair, left=self._visible_listing(pair.left), right=self._visible_listing(pair.right))

    def fields_text(self) -> str:
        """The fields that may leave, as a setting of a run; empty for all."""
        return " ".join(sorted(self.fields or ()))

    def _visible_listing(self, listing: Listing) -> Listing:
        allowed = self.fields or frozenset()
        hidden: dict[str, None] = {name: None for name in TEXT_FIELDS if name not in allowed}
        attributes = {name: value for name, value in listing.attributes.items() if {ATTRIBUTES, f"{ATTRIBUTES}.{name}"} & allowed}
        return replace(listing, **hidden, attributes=attributes)  # type: ignore[arg-type]  # the title is never hidden


OPEN = EgressPolicy()
"""The policy without a configuration: what a command is told to send may leave."""


class _EgressTable(BaseModel):
    model_config = ConfigDict(extra="forbid")

    hosts: tuple[str, ...] | None = None
    fields: tuple[str, ...] | None = None
    local_only: bool = False


class _ConfigFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    egress: _EgressTable = _EgressTable()


def load_policy(folder: Path, *, is_local_only: bool = False) -> EgressPolicy:
    """The policy of the configuration in a folder, made stricter by ``--local-only``.

    Raises:
        ConfigError: the file cannot be read, or names an unknown setting or field.
    """
    path = folder / CONFIG_FILE
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        table = _ConfigFile.model_validate(tomllib.loads(text)).egress
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise ConfigError(f"cannot use {str(path)!r}: {error}; mend it or move it away") from error
    hosts = None if table.hosts is None else tuple(host.lower().rstrip(".") for host in table.hosts)
    fields = None if table.fields is None else _checked_fields(table.fields, path)
    return EgressPolicy(hosts, fields, is_local_only or table.local_only)


def _checked_fields(fields: Iterable[str], path: Path) -> frozenset[str]:
    known = {*TEXT_FIELDS, ATTRIBUTES}
    for name in fields:
        if name not in known and not name.startswith(f"{ATTRIBUTES}."):
            msg = f"[egress] fields in {str(path)!r} names {name!r}; use {sorted(known)} or 'attributes.NAME'"
            raise ConfigError(msg)
    if "title" not in set(fields):
        msg = (
            f"[egress] fields in {str(path)!r} leaves out 'title': without it a model has nothing to decide on; add it, or use --local-only"
        )
        raise ConfigError(msg)
    return frozenset(fields)


def is_local(host: str) -> bool:
    """True for this machine: a loopback name or address, or no host at all."""
    name = host.lower().rstrip(".").strip("[]")
    if not name or name in _LOCAL_NAMES or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def host_of(url: str) -> str:
    """The host of an address, with or without a scheme; empty for a file path."""
    return urlsplit(url if "://" in url else f"//{url}").hostname or ""
