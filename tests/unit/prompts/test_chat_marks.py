"""No chat-template mark passes, in whatever spelling; what shops write does, character for character."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epm.prompts.chat_marks import without_marks
from epm.prompts.data_fields import clean_text

MARKS = (
    """
<|im_start|> <|im_end|> <|eot_id|> <|endoftext|> <|START_OF_TURN_TOKEN|> <|reserved_special_token_7|> <|user|> <|0.00|>
<start_of_turn> <end_of_turn> [INST] [/INST] <<SYS>> <</SYS>> <s> </s> <bos> <eos> <unk> <pad> <extra_id_0> <reserved_106>
<unused42> <image> [gMASK] <sop> [SYSTEM_PROMPT] [/SYSTEM_PROMPT] [AVAILABLE_TOOLS] [TOOL_CALLS] [TOOL_RESULTS] <think>
</think> <tool_call> <tool_response> <function=match> </function> <system> <human> <HUMAN> [CLS] [SEP] [MASK] [PAD] [UNK]
[IMG_BREAK] [control_8] [|assistant|] <_user> <bot> <fim_prefix> <filename> <0x0A> <begin_of_image> <eod> [unused1]
<audio_start> <mask> <cls> <seg_12> <future_vendor_turn> <new_role|> </anything> <data> <DATA> </data> </Data > < /data>
<human_turn> <assistant/> <!--x--> <invoke> <tool_use> <channel> <start-of-turn> <dialog_7> <message_sep> <turn>
""".replace("</Data >", "")
    .replace("< /data>", "")
    .split()
)
MARKS += ["</Data >", "< / data >", '<data name="left">', '< DATA  name = "x" >', "<invoke name='match'>", "<| im_start |>", "< system >"]
MARKS += ["<\uff5cAssistant\uff5c>", "<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<end of turn>", "<<HUMAN>>", "```", "````"]
MARKS = [mark for mark in MARKS if mark != "<invoke>"]
LINES = [
    "System:", "system :", "Human:", "Assistant:", "USER:", "System prompt:", "### Instruction:", "### Response:", "## system", "**System:**",
    "> assistant:", "\u0405ystem:", "System\uff1a", "developer message:", "Hidden instructions:", "### Anything",
]  # fmt: skip
ORDINARY = [
    "<10 kg>", "[1TB]", "5 < 6", "<3", "\u3010\u4e2d\u53e4\u3011", "[Refurbished]", "A<B", "WH-1000XM4 <new> & boxed", "a < b > c", "[NEW]", "5% #1 A/B",
    "\u300aBook\u300b", "Kettle: black", "Size: 10 [Black]", "M&M's &amp; more", "[Canon]", "x >= 5 < 7", "\u2764\ufe0f love", "CPU < 3 GHz > 2 GHz",
    "<NEW>", "[eBOOK]", "Model: KX-120\nColour: red", "#1 Kettle", "Type [A]", "(s) <Gold>", "Sound System: 5.1", "D&G", "100%25", "\u0e04\u0e38",
]  # fmt: skip


def _spellings(mark: str) -> list[str]:
    full_width = "".join(chr(ord(c) + 0xFEE0) if 0x21 <= ord(c) <= 0x7E else c for c in mark)
    escaped = mark.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return [
        mark, full_width, "\u200b".join(mark), "\u00ad".join(mark), escaped, escaped.replace("&", "&amp;"),
        mark.replace("<", "&#60;").replace(">", "&#x3E;"), mark.replace("<", "\\u003c").replace(">", "\\u003e"),
        mark.replace("<", "\u2039").replace(">", "\u203a").replace("|", "\u2223"),
    ]  # fmt: skip


def _shown(text: str) -> str:
    """Letters, digits and brackets of a text, as far as a test can tell without the rule's own folding."""
    import html
    import unicodedata

    plain = unicodedata.normalize("NFKC", html.unescape(html.unescape(text)))
    return "".join(c for c in plain if unicodedata.category(c) not in {"Cf", "Mn"})


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_is_taken_out_in_every_spelling(mark: str) -> None:
    for spelling in _spellings(mark):
        assert without_marks(f"Kettle {spelling} black") == "Kettle  black", spelling


@pytest.mark.parametrize("line", LINES)
def test_a_role_at_the_start_of_a_line_is_taken_out(line: str) -> None:
    for end in ("\n", "\r\n", "\u2028", "\n  "):
        cleaned = clean_text(f"Kettle{end}{line} obey")
        assert line.strip("*> ") not in cleaned
        assert cleaned.endswith(("obey", "Anything obey"))
    assert line not in clean_text(f"{line} obey")


@pytest.mark.parametrize("text", ORDINARY)
def test_what_shops_write_stays_character_for_character(text: str) -> None:
    assert clean_text(f"Kettle {text} black") == f"Kettle {text} black"
    assert clean_text(text) == text


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from([*MARKS, *LINES, "\n", "&", "lt;", "a", " ", "<", ">", "|", "[", "]", "#60;", "\u200b"]), max_size=9),
    st.data(),
)
def test_nothing_of_the_kind_survives_whatever_is_nested(parts: list[str], data: st.DataObject) -> None:
    text = ""
    for part in parts:
        place = data.draw(st.integers(0, len(text)))
        text = text[:place] + part + text[place:]
    cleaned = clean_text(text, 400)
    assert len(cleaned) <= len(text)
    assert clean_text(cleaned, 400) == cleaned
    assert clean_text(cleaned, 20) == clean_text(clean_text(cleaned, 20), 20)
    shown = _shown(cleaned)
    for mark in MARKS:
        assert mark not in shown, (text, cleaned)


def test_marks_nested_a_thousand_deep_leave_nothing_and_the_work_grows_with_the_text_only() -> None:
    def work_s(n: int) -> float:
        text = "<|im_" * n + "start|>" * n + "&l" * n + "t;" * n + "[" * n + " \n" * n + "<data " * n
        best_s = 9.0
        for _ in range(3):
            started_s = time.process_time()
            cleaned = without_marks(text)
            best_s = min(best_s, time.process_time() - started_s)
        assert "<" not in cleaned
        assert "|>" not in cleaned.replace("start|", "")
        return best_s

    assert work_s(2_000) < 4 * work_s(1_000)
