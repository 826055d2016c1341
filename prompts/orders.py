"""Text that gives orders to whoever reads it, or speaks of the comparison itself: no shop has a reason to.

A listing describes one product. It never names the verdict of a comparison, speaks of two listings at once, addresses a
reading program, or carries the marks of a chat or a reply. These four are looked for in the text as it stands and as a
model can read it: without invisible characters, with look-alikes folded, letters that were set apart joined, and base64
undone (``hidden_text.py``). Nothing is cut out and nothing is refused because of it: a draft that was written with such text in view has to
stand up to a stricter check.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from epm.prompts.chat_marks import without_marks
from epm.prompts.hidden_text import readings, unhidden

_VERDICT = r"(?:no[_ -]?match|(?<!to )match\b|the same (?:product|item)|as (?:identical|exact|duplicates?)\b|different products?)"
_VALUE = r"(?:no[_ -]?match|match|identical|exact|different|same)\b"
_PRODUCT = (
    r"(?:produ[ck]?[a-z]{0,4}|articol[oi]|art[ií]culos?|artigos?|artikel[ns]?|articles?|items?|listings?|offers?|angebote?|offres?|ofertas?|goods|tuotte?[a-z]*|"
    r"ürün[a-z]*|товар\w*|продукт\w*|produkt\w*|varor|varer)"
)
_SAME = (
    r"(?:same|identical|dasselbe|derselbe|gleich\w*|identisch\w*|m[êe]mes?|identiques?|mism[oa]s?|id[ée]ntic[oa]s?|mesm[oa]s?|stess[oi]|identic[oi]|"
    r"hetzelfde|identieke?|samma|samme|identiska|t[eę]n sam|identyczn\w*|aynı|одинаков\w*|идентичн\w*|тот же|один и тот же|"
    r"different|verschieden\w*|unterschiedlich\w*|diff[ée]rents?|diferentes?|distint[oa]s|divers[ie]|verschillende?|olika|forskellige|różn\w*|farklı|разн\w*)"
)
_TWO = (
    r"(?:both|these two|the two|the other|beide[nr]?|die zwei|die andere|les deux|l'autre|amb[oa]s|los dos|el otro|os dois|"
    r"entramb[ie]|i due|le due|l'altr[oa]|beide|båda|begge|oba|obie|her iki|оба|обе|другой|двух)"
)
_READER = (
    r"(?:\bai\b|\bllm\b|language model|assistant|annotators?|classifier|\bki\b|sprachmodell|\bia\b|mod[èe]le de langage|modelo de lenguaje|"
    r"modelo de linguagem|modello linguistico|taalmodel|spr[åa]kmodell|model językowy|yapay zeka|\bии\b|языковая модель|人工智能|语言模型|模型|アシスタント|助手)"
)
_ORDERS = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instructions?|prompts?|rules?|context|guidelines)\b"
    r"|\b(?:ignorier\w*|vergiss|missachte\w*|ignore[zr]?|oublie[zr]?|ignora\w*|olvid[ae]\w*|esque[çc]a\w*|dimentica\w*|negeer|vergeet|ignorera|"
    r"zignoruj|yoksay|игнорируй\w*|забудь\w*)\b.{0,60}\b(?:an?weisung\w*|regeln|instru\w+|r[èe]gles|reglas|regras|regole|istruzion\w*|regels|"
    r"aanwijzing\w*|polecen\w*|zasad\w*|talimat\w*|инструкц\w*|правил\w*)"
    rf"|\b(?:answer|respond|reply|output|return|label|classify|mark|declare|judge|decide|report|say|treat|consider|conclude)\b.{{0,60}}\b{_VERDICT}"
    rf"|\b(?:label|verdict|relation|answer|decision|result)\s{{0,3}}[\"']?\s{{0,3}}[:=]\s{{0,3}}[\"']?{_VALUE}"
    r"|\bno_match\b|\b(?:system|developer) (?:prompt|message|override)\b"
    r"|\b(?:dear|attention|note to|as an?) (?:ai|llm|language model|assistant|model|judge|annotator|reviewer)\b"
    r"|\bthese (?:two )?(?:listings|offers|products|items) (?:are|must be|should be)\b"
    rf"|\b{_TWO}\b.{{0,30}}\b{_PRODUCT}\b.{{0,30}}\b{_SAME}"
    rf"|\b(?:verified|certified|confirmed|audited|gepr[üu]ft|best[äa]tigt|v[ée]rifi[ée]\w*|certifi\w*|verificad\w*|certificat\w*)\b.{{0,60}}"
    rf"\b(?:{_SAME}|{_VALUE}).{{0,30}}\b(?:{_PRODUCT}|as|the other)"
    rf"|\b(?:is|are|ist|sind|est|sont|es|son|é|são|è|sono|zijn|är|er|to|это)\b.{{0,20}}\b{_SAME}\b.{{0,20}}\b{_PRODUCT}\b.{{0,30}}\b(?:{_TWO}|as the)"
    r"|\b(?:counterpart|opposite|paired|compared|(?:left|right|first|second)[- ]hand) (?:listing|offer|record|entry|article|item|product)\b"
    r"|\b(?:whoever|anyone|everyone|all who|those who) (?:compare|judge|decide|review|match|label|read)\w*"
    rf"|{_READER}.{{0,80}}(?:\b{_SAME}|\b{_VALUE}|相同|不同|同一|同じ|異なる)"
    r"|(?:忽略|无视|無視).{0,30}(?:指令|指示|规则|ルール|命令)|(?:回答|答案|输出|判定|标记|出力|返答).{0,20}(?:match|匹配|相同|不同|同一|一致)"
    r"|이전.{0,20}지시|무시.{0,30}(?:지시|규칙)|تجاهل.{0,40}(?:التعليمات|القواعد)",
    re.IGNORECASE | re.DOTALL,
)
_JOINED = re.compile(
    r"(?:ignore|disregard|forget)(?:all|any|the|previous|prior|your)+(?:instruction|rule)|nomatch|(?:answer|label|output|verdict|reply)(?:is|as|with|must|be|only)*match"
    r"|(?:areboth|arethe|isthe|mustbethe)(?:same|different)product|sameproductas|differentproductfrom"
)
_LEET = str.maketrans("01345@$7!", "oieasasti")
_JSON = re.compile(r"[\"'](?:label|verdict|relation|confidence|comparisons|core|role|content|tool_call\w*)[\"']\s{0,3}:")
_SHOWN_CHARS = 60


def order_in(texts: Iterable[str]) -> str | None:
    """The first order that stands in the texts, cut to a line; ``None`` where there is none."""
    for text in texts:
        found = _found(text)
        if found is not None:
            return " ".join(found[:_SHOWN_CHARS].split())
    return None


def _found(text: str) -> str | None:
    for view in readings(text):
        found = _ORDERS.search(view) or _JSON.search(view)
        if found is not None:
            return found.group()
    plain = unhidden(text)
    joined = "".join(char for char in plain.casefold() if char.isalnum())
    for view in (joined, joined.translate(_LEET), joined[::-1]):
        found = _JOINED.search(view)
        if found is not None:
            return found.group()
    marks = len(text) - len(without_marks(text))
    return text.strip() if marks and _HOSTILE_MARK.search(text.casefold()) else None


_HOSTILE_MARK = re.compile(
    r"<\|| ?</?\s*data\b|\[/?inst|<<?/?sys|<\uff5c|_of_turn|im_(?:start|end)|tool_call|</?(?:system|assistant|user)\b"
)
