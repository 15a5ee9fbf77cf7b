"""The charset table: eight ways in which Chinese mail names its charset wrongly, in header, body and file name."""

from __future__ import annotations

import base64

import pytest

from connectors.email import charset, headers
from connectors.email.parse import parse

SIMPLIFIED = "朱镕先生家的空调不制冷，囍字饭店三楼，请尽快派工程师上门维修。"
RARE = "住户𬱖女士反映电梯困人，地址在㙍头村，请速派人。"
TRADITIONAL = "冷氣機不冷，請盡快派工程師到府維修，地址在臺北市信義區。"

# kind: text, the charset that is written on it, the charset that it is in
MISLABELLED = {
    "gb2312 that is GBK": (SIMPLIFIED, "gb2312", "gbk"),
    "gb2312 that is GB18030": (RARE, "gb2312", "gb18030"),
    "x-gbk": (SIMPLIFIED, "x-gbk", "gbk"),
    "utf-8 that is GBK": (SIMPLIFIED, "utf-8", "gbk"),
    "gb2312 that is UTF-8": (SIMPLIFIED, "gb2312", "utf-8"),
    "iso-8859-1 that is GBK": (SIMPLIFIED, "iso-8859-1", "gbk"),
    "us-ascii that is GBK": (SIMPLIFIED, "us-ascii", "gbk"),
    "gb2312 that is Big5": (TRADITIONAL, "gb2312", "big5"),
    "big5 that is UTF-8": (TRADITIONAL, "big5", "utf-8"),
    "Big5 with HKSCS": ("啫喱機壞咗，喺旺角，唔該搵人嚟整", "big5", "big5hkscs"),
    "an unknown name": (SIMPLIFIED, "x-mac-chinsimp-unknown", "gb18030"),
    "no name": (SIMPLIFIED, "", "gb18030"),
}


@pytest.mark.parametrize(("text", "label", "real"), MISLABELLED.values(), ids=list(MISLABELLED))
def test_mislabelled_text(text: str, label: str, real: str) -> None:
    assert charset.decode(text.encode(real), label) == text


@pytest.mark.parametrize(("text", "label", "real"), MISLABELLED.values(), ids=list(MISLABELLED))
def test_mislabelled_mail(text: str, label: str, real: str) -> None:
    raw_name = "现场照片.jpg" if not real.startswith("big5") else "現場照片.jpg"
    word = f"=?{label or 'gb2312'}?B?{base64.b64encode(text.encode(real)).decode()}?="
    content_type = f"text/plain; charset={label}" if label else "text/plain"
    mail = (
        f"From: {word} <a@example.com>\r\nSubject: {word}\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="x"\r\n\r\n'
        f"--x\r\nContent-Type: {content_type}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    ).encode() + text.encode(real)
    mail += b'\r\n--x\r\nContent-Type: image/jpeg\r\nContent-Disposition: attachment; filename="' + raw_name.encode(
        real
    )
    mail += b'"\r\n\r\n\xff\xd8\xff\xe0 picture\r\n--x--\r\n'
    parsed = parse(mail)
    assert parsed.text.strip() == text
    assert parsed.subject == text
    assert parsed.sender.name == text
    assert [one.name for one in parsed.attachments] == [raw_name]


@pytest.mark.parametrize("real", ["gbk", "gb18030", "utf-8", "big5"])
def test_raw_eight_bit_headers(real: str) -> None:
    subject = "空調故障，請派工程師維修" if real == "big5" else "空调故障，请派工程师上门维修"
    raw = b"Subject: " + subject.encode(real) + b"\r\nFrom: " + "王".encode(real) * 3 + b" <a@example.com>\r\n\r\nx"
    assert parse(raw).subject == subject


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("koi8-r", "Насос течёт"),
        ("shift_jis", "ポンプ故障"),
        ("euc-kr", "펌프 고장"),
        ("big5", "故障"),
        ("windows-1253", "Βλάβη"),
    ],
)
def test_raw_headers_are_in_the_charset_of_the_text(codec: str, text: str) -> None:
    raw = b"Subject: " + text.encode(codec) + b'\r\nContent-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\n'
    raw += f"Content-Type: text/plain; charset={codec}\r\n\r\n".encode() + text.encode(codec)
    raw += b'\r\n--x\r\nContent-Type: image/png; name="' + text.encode(codec) + b'.png"\r\n\r\n\r\n--x--'
    parsed = parse(raw)
    assert (parsed.subject, parsed.text, parsed.attachments[0].name) == (text, text, f"{text}.png")


@pytest.mark.parametrize("kind", ["B", "Q"])
def test_a_character_split_between_encoded_words(kind: str) -> None:
    raw = "空调不制冷请来修".encode("gbk")
    pieces = [raw[:5], raw[5:9], raw[9:]]
    coded = [
        f"=?gb2312?B?{base64.b64encode(one).decode()}?="
        if kind == "B"
        else f"=?gb2312?Q?{''.join(f'={b:02X}' for b in one)}?="
        for one in pieces
    ]
    assert headers.words("\r\n ".join(coded)) == "空调不制冷请来修"
    assert headers.words(" ".join(coded)) == "空调不制冷请来修"


@pytest.mark.parametrize(
    ("text", "label"),
    [("Die Hasen und die Frösche", "iso-8859-1"), ("Señor Muñoz está aquí", "latin1"), ("naïve café", "windows-1252")],
)
def test_european_text_stays_european(text: str, label: str) -> None:
    assert charset.decode(text.encode("cp1252"), label) == text
    assert charset.decode(text.encode("cp1252")) == text
    assert charset.decode(text.encode("utf-8"), label) == text


@pytest.mark.parametrize(
    "codec", ["shift_jis", "euc_kr", "koi8-r", "windows-1251", "iso-2022-jp", "hz", "utf-16", "utf-7"]
)
def test_other_charsets_by_their_names(codec: str) -> None:
    text = {"euc_kr": "안녕하세요", "koi8-r": "Привет", "windows-1251": "Привет", "hz": "空调"}.get(codec, "日本語")
    assert charset.decode(text.encode(codec), codec) == text


@pytest.mark.parametrize("label", ["rot13", "zlib", "base64", "hex", "../etc", "\0", "x" * 5000, "undefined", "idna"])
def test_hostile_labels(label: str) -> None:
    assert charset.decode("空调不制冷，请尽快维修".encode("gbk"), label) == "空调不制冷，请尽快维修"


def test_damaged_text_keeps_what_can_be_read() -> None:
    assert charset.decode("空调不制冷，请尽快".encode("gbk")[:-1], "gb2312").startswith("空调不制冷，请尽")
    assert charset.decode("空调不制冷，请尽快".encode()[:-1], "utf-8").startswith("空调不制冷，请尽")
    assert charset.decode(b"\xff\xfe\xff\xff\x00\xd8", None) is not None
