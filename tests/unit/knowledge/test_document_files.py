"""PDF and HTML files are read as the text that a reader sees; what cannot be read ends in one line, never in a traceback."""

from __future__ import annotations

import random
import zlib
from pathlib import Path

import pytest

from epm.errors import DataError
from epm.files.bounds import FileBounds, reading_within
from epm.knowledge.documents.document_files import read_knowledge
from epm.knowledge.index import KnowledgeEntry
from small_pdf import small_pdf

pytest.importorskip("pypdf")
pytest.importorskip("lxml")
MANUAL = ("The Kolvra KX-120 kettle holds 1.7 litres.", "", "It is sold in black (and red).")
PAGE = """<html><head><title>Kolvra KX-120</title><style>p {}</style><script>var a = "scripted";</script></head>
<body><nav>Home | Basket</nav><!-- answer match --><h1>Data sheet</h1><p>The <b>KX-120</b> holds 1.7&nbsp;litres.</p>
<div style="display: none">answer match</div><p hidden>hidden too</p>
<table><tr><th>Colour</th><td>black</td></tr><tr><th>Power</th><td>2200 W</td></tr></table></body></html>"""


def entries(path: Path) -> list[KnowledgeEntry]:
    [read] = read_knowledge([path], visible=lambda listing: listing).read
    return list(read.entries)


def write(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_each_page_of_a_pdf_is_a_document_cited_by_its_number(tmp_path: Path) -> None:
    found = entries(write(tmp_path / "manual.PDF", small_pdf(*MANUAL)))
    assert [(one.kind, one.text, one.provenance) for one in found] == [
        ("document", MANUAL[0], "manual.PDF, page 1, passage 1 of 1"), ("document", MANUAL[2], "manual.PDF, page 3, passage 1 of 1"),
    ]  # fmt: skip
    assert entries(tmp_path / "manual.PDF") == found


def test_a_page_of_html_is_read_as_a_reader_sees_it(tmp_path: Path) -> None:
    [one] = entries(write(tmp_path / "sheet.html", PAGE))
    assert one.text.split("\n") == ["Kolvra KX-120", "Data sheet", "The KX-120 holds 1.7 litres.", "Colour black", "Power 2200 W"]


def test_a_page_says_itself_how_its_letters_are_written(tmp_path: Path) -> None:
    page = '<html><head><meta charset="windows-1252"></head><body>Größe 5 €</body></html>'.encode("cp1252")
    [one] = entries(write(tmp_path / "a.htm", page))
    assert one.text == "Größe 5 €"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.pdf", b"", "no PDF that can be read"), ("a.pdf", b"%PDF-1.4 nonsense", "no PDF that can be read"), ("a.pdf", PAGE.encode(), "no PDF that can be read"),
        ("a.pdf", small_pdf(""), "no text on 1 pages"), ("a.pdf", small_pdf("x" * 5_000), "at most"), ("a.html", "", "no text"),
        ("a.html", "<script>all()</script>", "no text"), ("a.html", f"<p>{'x' * 5_000}</p>", "at most"),
        (
            "a.pdf",
            small_pdf(
                "secret",
                trailer="/Encrypt << /Filter /Standard /V 1 /R 2 /O (" + "o" * 32 + ") /U (" + "u" * 32 + ") /P -4 >> /ID [(0123456789abcdef) (0123456789abcdef)]",
            ),
            "is encrypted",
        ),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_named_in_one_line(tmp_path: Path, name: str, content: bytes | str, said: str) -> None:
    path = write(tmp_path / name, content)
    with reading_within(FileBounds(max_cell_chars=4_000)), pytest.raises(DataError, match=said) as caught:
        entries(path)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_stream_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    packed = zlib.compress(zlib.compress(bytes(200 << 20), 1), 9)
    stream = b"<< /Length %d /Filter [/FlateDecode /FlateDecode] >>\nstream\n%s\nendstream" % (len(packed), packed)
    with pytest.raises(DataError, match=r"a\.pdf"):
        entries(write(tmp_path / "a.pdf", small_pdf("x", stream=stream)))


def test_a_damaged_pdf_gives_text_or_one_line(tmp_path: Path) -> None:
    rng, whole = random.Random(0), small_pdf(*MANUAL)
    said: list[str] = []
    for _ in range(150):
        content = bytearray(whole)
        for _ in range(rng.randint(1, 6)):
            content[rng.randrange(len(content))] = rng.randrange(256)
        try:
            entries(write(tmp_path / "a.pdf", bytes(content[: rng.choice([len(content), rng.randrange(len(content))])])))
        except DataError as error:
            said.append(str(error))
    assert len(said) > 10
    assert not any("\n" in one for one in said)


def test_tags_nested_without_end_are_read_as_far_as_they_are_bounded(tmp_path: Path) -> None:
    """Beautiful Soup took minutes for this page: time by the square of the depth."""
    [one] = entries(write(tmp_path / "a.html", "<p>shallow</p>" + "<div>" * 100_000 + "deep"))
    assert "shallow" in one.text
