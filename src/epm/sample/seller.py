"""A listing rendered from a product in a seller's style, with the verbatim place of every attribute it states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from epm.listing import Listing
from epm.sample.layout import Template
from epm.sample.names import Code
from epm.sample.product import NEW, Host, Product
from epm.sample.quantity import quantity_forms
from epm.sample.style import Style
from epm.sample.world import Category, Words, shared_words

_P_HOME_UNIT = 0.72
_P_MAKERS_SPELLING, _P_SPACED_CODE = 0.55, 0.1
_PRICE_SPREAD = 0.08
_MIN_TYPO_CHARS = 6
_SLOT_ATTRIBUTE = {
    "brand": "brand", "line": "name", "code": "model", "edition": "edition", "gen": "generation", "type": "type",
    "compat": "compatibility", "colour": "colour", "size": "size", "capacity": "capacity", "pack": "pack", "bundle": "bundle",
    "cond": "condition", "region": "region",
}  # fmt: skip
"""The rationale's attribute that each title slot states; the other slots are noise."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A rendered listing, the product behind it, and for each stated attribute its verbatim quote."""

    listing: Listing
    product: Product
    stated: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a pair needs of an offer: attributes that must be stated, or must not."""

    must: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    hides_ids: bool = False


NO_WISH = Wish()


def render(product: Product, style: Style, category: Category, *, listing_id: str, wish: Wish, rng: Random) -> Offer:
    """The offer of that product by that seller; ``rng`` is used for the price alone."""
    slots = _slots(product, style, category, wish)
    stated = {_SLOT_ATTRIBUTE[slot]: text for slot, text in slots.items()}
    mpn, gtin = _identifiers(product, style, wish)
    if mpn is not None:
        stated["mpn"] = mpn
    if gtin is not None:
        stated["gtin"] = gtin
    if style.code_only_as_mpn and mpn is not None and product.code and not product.has_part_number:
        stated["model"] = mpn
        del slots["code"]
    attributes = _attributes(slots, style) if style.uses_attributes else {}
    brand = _cased(product.brand, style.casing, is_brand=True) if style.brand_place != "title" else None
    if style.brand_place == "field":
        del slots["brand"]
    slots |= {"promo": _cased(style.promo, style.casing), "tag": style.tag}
    listing = Listing(
        id=listing_id, title=_title(style.template, slots), brand=brand, description=style.filler or None,
        price=f"{_price(product) * (1 + _PRICE_SPREAD * (2 * rng.random() - 1)):.2f}", currency="EUR", gtin=gtin, mpn=mpn, category=product.category,
        attributes=attributes, cluster_id=product.cluster_id, source="sample",
    )  # fmt: skip
    return Offer(listing, product, stated)


def _slots(product: Product, style: Style, category: Category, wish: Wish) -> dict[str, str]:
    """The title slots that are filled, in the seller's spelling."""
    texts = _identity_texts(product, style) | _variant_texts(product, style)
    omitted = set(wish.hidden)
    if category.coded and product.host is None:
        omitted |= {attribute for attribute, shown in (("name", style.shows_line), ("colour", style.shows_colour)) if not shown}
    if not style.shows_region:
        omitted.add("region")
    if not style.shows_type:
        omitted.add("type")
    omitted -= wish.must
    omitted |= wish.hidden
    return {
        slot: _cased(text, style.casing, is_brand=slot == "brand")
        for slot, text in texts.items()
        if text and _SLOT_ATTRIBUTE[slot] not in omitted
    }


def _identity_texts(product: Product, style: Style) -> dict[str, str]:
    kind = product.types[style.language]
    return {
        "brand": product.brand,
        "line": product.line or "",
        "code": _code_text(product.code, style.chance[0]) if product.code else "",
        "edition": product.edition or "",
        "gen": style.pick(1, shared_words().generation_forms).format(n=product.generation) if product.generation else "",
        "type": _with_typo(kind) if style.has_typo else kind,
        "compat": _compat_text(product.host, style) if product.host else "",
    }


def _variant_texts(product: Product, style: Style) -> dict[str, str]:
    words, language = shared_words(), style.language_code
    colours = words.colours.get(product.colour or "")
    quantity = _quantity_text(product, style)
    is_new = product.condition == NEW
    return {
        "colour": style.pick(2, colours[style.language]) if colours else product.colour or "",
        "size": quantity if product.dimension in {"length", "shoe", "inch"} else "",
        "capacity": quantity if product.dimension in {"volume", "mass", "data"} else "",
        "pack": style.pick(3, words.pack[language]).format(n=product.pack) if product.pack > 1 else "",
        "bundle": style.pick(4, words.bundle[language]).format(x=_in(product.extra, style)) if product.extra else "",
        "cond": "" if is_new and not style.says_new else style.pick(5, words.condition[product.condition][language]),
        "region": style.pick(6, words.regions[product.region]) if product.region is not None else "",
    }


def _quantity_text(product: Product, style: Style) -> str:
    if product.dimension is None or product.amount is None:
        return ""
    forms = quantity_forms(product.dimension, product.amount, style.language_code)
    chance = style.chance[7]
    if chance < _P_HOME_UNIT:
        return forms[0] if chance < _P_HOME_UNIT / 2 else forms[1 % len(forms)]
    return forms[int((chance - _P_HOME_UNIT) / (1 - _P_HOME_UNIT) * len(forms))]


def _compat_text(host: Host, style: Style) -> str:
    name = _code_text(host.code, style.chance[0]) if host.code else host.line
    return style.pick(8, shared_words().compatibility[style.language_code]).format(x=f"{host.brand} {name}")


def _code_text(code: Code, chance: float) -> str:
    if chance < _P_MAKERS_SPELLING:
        return "-".join(code)
    return " ".join(code) if chance > 1 - _P_SPACED_CODE else "".join(code)


def _identifiers(product: Product, style: Style, wish: Wish) -> tuple[str | None, str | None]:
    if wish.hides_ids:
        return None, None
    mpn = None
    if style.has_mpn or style.code_only_as_mpn:
        is_code = product.code is not None and not product.has_part_number
        mpn = _code_text(product.code, style.chance[9]) if is_code and product.code else product.mpn
    return mpn, product.gtin if style.has_gtin else None


def _attributes(slots: dict[str, str], style: Style) -> dict[str, str]:
    """Colour and quantity taken out of the title into named fields."""
    names = shared_words().attribute
    return {names[slot][style.language_code]: slots.pop(slot) for slot in ("colour", "size", "capacity") if slot in slots}


def _title(template: Template, slots: Mapping[str, str]) -> str:
    """The template filled; separators stand only between filled slots."""
    title, separator = "", ""
    for before, slot, after in template:
        if not slot:
            separator = before
        elif text := slots.get(slot):
            if title and separator:
                title += separator if separator in {",", ";"} else f" {separator}"
            title += f"{' ' if title else ''}{before}{text}{after}"
            separator = ""
    return title


def _cased(text: str, casing: str, *, is_brand: bool = False) -> str:
    if casing == "upper" or (casing == "brand" and is_brand):
        return text.upper()
    if casing == "lower":
        return text.lower()
    return text[:1].upper() + text[1:] if casing == "title" else text


def _with_typo(text: str) -> str:
    """The text with two neighbouring letters swapped in its middle."""
    if len(text) < _MIN_TYPO_CHARS:
        return text
    middle = len(text) // 2
    return text[:middle] + text[middle + 1] + text[middle] + text[middle + 2 :]


def _price(product: Product) -> float:
    units = product.pack * (1 + 0.1 * bool(product.extra))
    return (5 + sum(product.model_key.encode()) % 400) * units * (1 if product.condition == NEW else 0.6)


def _in(words: Words | None, style: Style) -> str:
    return words[style.language] if words else ""
