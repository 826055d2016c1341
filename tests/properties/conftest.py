"""What a listing looks like to the properties of the evidence engine and its model: ``st.from_type(Listing)`` draws one."""

from __future__ import annotations

from hypothesis import strategies as st

from epm.listing import Listing

WORDS = st.sampled_from(
    [
        "Kolvra", "KX-120", "KX130", "KX", "120", "kettle", "Wasserkocher", "black", "schwarz", "white", "1.7l", "1,7", "l", "500", "ml",
        "2", "x", "6er", "Pack", "of", "4", "refurbished", "für", "for", "fits", "+", "case", "Pro", "Max", "EU", "42", "4006381333931",
        '12"', "gen", "[HOT]", "&", "free", "shipping", "new", "½", "ß", "İ", "\u200b", "🙂", "|", "~", "<core>", "24x330ml", "1,5", "kg",
    ]
)  # fmt: skip
TITLES = st.one_of(st.lists(WORDS, max_size=12).map(" ".join), st.text(max_size=80))

st.register_type_strategy(
    Listing,
    st.builds(
        Listing, id=st.just("x"), title=TITLES, brand=st.one_of(st.none(), st.sampled_from(["Kolvra", "KOLVRA home", "Zorin"])),
        price=st.one_of(st.none(), st.sampled_from(["12.99", "EUR 1.299,00", "0", "free", "£5", "9" * 40])),
        currency=st.one_of(st.none(), st.sampled_from(["EUR", "USD"])),
        gtin=st.one_of(st.none(), st.sampled_from(["4006381333931", "4006381333932", "0000000000000", "abc"])),
        mpn=st.one_of(st.none(), WORDS), description=st.one_of(st.none(), TITLES),
        attributes=st.dictionaries(st.sampled_from(["colour", "Größe", "pack", "odd"]), TITLES.filter(bool), max_size=2),
    ),
)  # fmt: skip
