"""What may leave the machine: to which hosts, and which fields of a listing.

    [egress]                                # in epm.toml, in the folder where the command runs or the nearest above it
    hosts = ["api.openai.com", "*.openai.azure.com"]
    fields = ["title", "brand", "attributes.colour"]
    local_only = false

Without the file everything may leave that a command was told to send. ``--local-only`` forbids every host but this machine.
The policy is checked where a model is named, before anything is sent; beneath it ``socket_guard.guard_sockets`` refuses names
and addresses at the socket, so that no library finds another way out.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from epm.config import CONFIG_FILE
from epm.config_file import read_config
from epm.errors import ConfigError
from epm.listing import TEXT_FIELDS, Listing
from epm.pair import Pair

ATTRIBUTES = "attributes"
_NAME = re.compile(r"(\*\.)?[\w-]+(\.[\w-]+)*")
_LOCAL_NAMES = frozenset({"localhost", "localhost.localdomain", "ip6-localhost"})


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """What may leave. ``hosts`` and ``fields`` of ``None`` allow all; ``*.name`` allows every host below a name.

    A numeric address is a host of its own: it is allowed where it is listed, not because an allowed name resolves to it.
    """

    hosts: tuple[str, ...] | None = None
    fields: frozenset[str] | None = None
    is_local_only: bool = False

    def allows_host(self, host: str) -> bool:
        """True if something may be sent to a host; this machine is always allowed."""
        if is_local(host):
            return True
        if self.is_local_only:
            return False
        name = plain_host(host)
        return self.hosts is None or any(
            name.endswith(allowed[1:]) if allowed.startswith("*.") else name == allowed for allowed in self.hosts
        )

    @property
    def rule(self) -> str:
        """The rule about hosts in words, for refusals."""
        if self.is_local_only:
            return f"--local-only, or local_only in {CONFIG_FILE}, allows this machine alone"
        return f"[egress] hosts in {CONFIG_FILE} allows {', '.join(self.hosts or ()) or 'no other host'}"

    def check_host(self, host: str, what: str) -> None:
        """Nothing, when something may be sent to a host.

        Raises:
            ConfigError: names ``what`` would have been sent where, and the setting that forbids it.
        """
        if self.allows_host(host):
            return
        msg = f"{what} is at {host!r}, where nothing may be sent: {self.rule}; use a local server (--api-base http://localhost:…) or change the rule"
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


def load_policy(folder: Path, *, is_local_only: bool = False) -> EgressPolicy:
    """The policy of the configuration that counts in a folder (``config.config_file``), made stricter by ``--local-only``.

    Raises:
        ConfigError: the file cannot be read, or names an unknown setting or field, or a host that is none.
    """
    found = read_config(folder)
    if found is None:
        return EgressPolicy(is_local_only=is_local_only)
    path, table = found.path, found.egress
    hosts = None if table.hosts is None else tuple(_checked_host(host, path) for host in table.hosts)
    fields = None if table.fields is None else _checked_fields(table.fields, path)
    return EgressPolicy(hosts, fields, is_local_only or table.local_only)


def _checked_host(host: str, path: Path) -> str:
    name = plain_host(host)
    if _NAME.fullmatch(name) or _address(name) is not None:
        return name
    try:
        meant = host_of(host.strip())
    except ValueError:
        meant = ""
    example = repr(meant) if _NAME.fullmatch(meant) else "such as 'api.openai.com', '*.openai.azure.com' or '10.0.0.5'"
    msg = f"[egress] hosts in {str(path)!r} names {host!r}; give the name alone, {example}, without scheme, port and path"
    raise ConfigError(msg)


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
    name = plain_host(host)
    if not name or name in _LOCAL_NAMES or name.endswith(".localhost"):
        return True
    address = _address(name)
    return address is not None and address.is_loopback


def plain_host(host: str) -> str:
    """A host in the one spelling that is compared: lower case, no final dot; addresses short, without brackets and zone."""
    name = host.lower().rstrip(".")
    address = _address(name)
    return name if address is None else str(address)


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(name.removeprefix("[").removesuffix("]").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def host_of(url: str) -> str:
    """The host of an address, with or without a scheme; empty for a file path."""
    return urlsplit(url if "://" in url else f"//{url}").hostname or ""
