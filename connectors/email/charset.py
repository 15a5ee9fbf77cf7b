"""Bytes of unknown or misnamed charset to text.

Labels in Chinese mail lie: "gb2312" carries characters that only GBK or GB18030 has, "utf-8" is GBK, "iso-8859-1" or
"us-ascii" is whatever the author's computer used. So a label is taken as the widest charset of its family, checked
against the bytes, and replaced by what the bytes look like where it does not hold. GB18030 is a superset of GBK and
GB 2312; the Big5 family is read as Big5-HKSCS; ISO-8859-1 as Windows-1252 (WHATWG Encoding Standard, §4.2).
"""

from __future__ import annotations

import codecs
import re

_FAMILY = {
    "gb18030": "gb18030 gbk gb2312 gb_2312-80 gb2312-80 gb_2312 x-gbk cp936 ms936 windows-936 936 euc-cn euccn x-euc-cn chinese "
    "csgb2312 iso-ir-58 gb gb18030-2022 zh-cn gb231280 x-gb2312",
    "big5hkscs": "big5 big5-hkscs big-5 x-x-big5 x-big5 cp950 ms950 windows-950 cn-big5 csbig5 zh-tw big5-eten",
    "cp1252": "iso-8859-1 iso8859-1 iso_8859-1 latin1 latin-1 l1 windows-1252 cp1252 x-ansi ansi",
    "cp949": "ks_c_5601-1987 ks_c_5601 euc-kr euckr korean ksc5601 cp949",
    "cp932": "shift_jis shift-jis sjis x-sjis ms_kanji cp932 windows-31j",
    "utf-8": "utf-8 utf8 unicode-1-1-utf-8 utf-8-sig utf_8 utf-8mb4 utf8mb4 cp65001",
    "utf-7": "utf-7 unicode-1-1-utf-7 utf7",
    "hz": "hz hz-gb-2312 hz-gb2312",
}
_CODEC = {label: codec for codec, labels in _FAMILY.items() for label in labels.split()}
# Labels that say nothing: what they are put on was never looked at.
_SILENT = frozenset(
    ("", "us-ascii", "ascii", "ansi_x3.4-1968", "default", "x-unknown", "unknown-8bit", "unknown", "none", "binary")
)
# These are 7-bit on the wire, so pure ASCII bytes still have to be decoded.
_SEVEN_BIT = frozenset(("utf-7", "hz", "iso2022_jp", "iso2022_kr", "iso2022_jp_2", "utf-16", "utf-16-le", "utf-16-be"))
_EUROPEAN = frozenset(("cp1252",))
_SAMPLE = 65_536
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_ACCENTED = re.compile(rb"[A-Za-z][\xc3-\xc5][\x80-\xbf][A-Za-z]")
_PAIR = re.compile(rb"[\x81-\xfe][\x40-\x7e\x80-\xfe]|[\x80-\xff]")


def decode(raw: bytes, label: str | None = None) -> str:
    """Text of ``raw``; ``label`` is the charset its sender named, if any. Never raises; U+FFFD where nothing fits."""
    for mark, codec in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if raw.startswith(mark):
            return raw[len(mark) :].decode(codec, "replace")
    named = codec_of(label)
    if named in _SEVEN_BIT:
        return _lenient(raw, named)
    if raw.isascii():
        return raw.decode("ascii")
    for codec in _candidates(raw, named):
        try:
            return raw.decode(codec)
        except UnicodeError:
            if codec == "utf-8" and (damaged := _slightly_damaged_utf8(raw)) is not None:
                return damaged
    # Nothing fits as a whole: a cut or damaged text keeps all that the best charset can read of it.
    tried = [named or "utf-8", "utf-8", sniff(raw)]
    return min((_lenient(raw, codec) for codec in tried), key=lambda text: text.count("�"))


def codec_of(label: str | None) -> str | None:
    """Python's name of the charset to read ``label`` with; None where the label says nothing or is unknown."""
    name = (label or "").strip().strip("\"'").lower().split(";")[0].strip()
    if name in _SILENT:
        return None
    known = _CODEC.get(name) or _CODEC.get(name.replace("_", "-"))
    if known:
        return known
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError, UnicodeError):
        return None
    # codecs.lookup also knows transformations such as "rot13" or "zip", which are no charsets.
    return found.name if found._is_text_encoding else None


def sniff(raw: bytes) -> str:
    """The likeliest of UTF-8, GB18030, Big5-HKSCS and Windows-1252 for bytes that nobody named."""
    sample = raw[:_SAMPLE]
    if _is_utf8(sample):
        return "utf-8"
    if _looks_european(sample):
        return "cp1252"
    simplified, traditional = _familiar(sample, _gb_level_1), _familiar(sample, _big5_level_1)
    if simplified >= 0.8 or simplified >= traditional:
        return "gb18030"
    return "big5hkscs"


def _candidates(raw: bytes, named: str | None) -> list[str]:
    sample = raw[:_SAMPLE]
    if named is None:
        return [sniff(raw), "utf-8", "gb18030", "big5hkscs"]
    if named == "utf-8":
        return ["utf-8", sniff(raw), "gb18030", "big5hkscs"]
    if named in _EUROPEAN:
        if _is_utf8(sample):
            return ["utf-8", named]
        if not _looks_european(sample) and _familiar(sample, _gb_level_1) >= 0.9:
            return ["gb18030", named, "latin-1"]
        return [named, "latin-1"]
    if _has_wide_utf8(sample):
        return ["utf-8", named, sniff(raw)]
    if named == "gb18030" and _familiar(sample, _gb_level_1) < 0.6 < 0.95 <= _familiar(sample, _big5_level_1):
        return ["big5hkscs", named]
    return [named, sniff(raw), "gb18030", "big5hkscs"]


def _is_utf8(sample: bytes) -> bool:
    if _has_wide_utf8(sample):
        return True
    # Pairs alone prove little: two-byte UTF-8 is also GB 2312 (the well known case is 联通). A single accented letter
    # within an ASCII word is European.
    return _decodes_utf8(sample) and (bool(_ACCENTED.search(sample)) or _familiar(sample, _gb_level_1) < 0.6)


def _has_wide_utf8(sample: bytes) -> bool:
    """Valid UTF-8 with a three- or four-byte sequence, which other charsets hardly ever produce by chance."""
    return _decodes_utf8(sample) and any(byte >= 0xE0 for byte in sample)


def _decodes_utf8(sample: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample, len(sample) < _SAMPLE)
    except UnicodeDecodeError:
        return False
    return True


def _slightly_damaged_utf8(raw: bytes) -> str | None:
    """UTF-8 with a character cut here or there. GBK read as UTF-8 is mostly damage."""
    text = raw.decode("utf-8", "replace")
    foreign = len(text) - len(text.encode("ascii", "ignore"))
    return text if text.count("\ufffd") * 5 <= foreign else None


def _looks_european(sample: bytes) -> bool:
    """Accented letters stand alone between ASCII letters; Chinese characters make even runs of high bytes."""
    runs = [len(run) for run in _HIGH_RUN.findall(sample)]
    if not runs:
        return False
    return sum(1 for run in runs if run == 1) * 2 > len(runs) and max(runs) < 8


def _familiar(sample: bytes, level_1: re.Pattern[bytes]) -> float:
    """The share of two-byte characters that are punctuation or among the charset's common ("level 1") characters."""
    pairs = _PAIR.findall(sample)
    return sum(1 for pair in pairs if level_1.fullmatch(pair)) / len(pairs) if pairs else 0.0


_gb_level_1 = re.compile(rb"[\xa1-\xa3\xb0-\xd7][\xa1-\xfe]")
_big5_level_1 = re.compile(rb"[\xa1-\xa3\xa4-\xc6][\x40-\x7e\xa1-\xfe]")


def _lenient(raw: bytes, codec: str) -> str:
    try:
        return raw.decode(codec, "replace")
    except (UnicodeError, ValueError):
        return raw.decode("latin-1")
