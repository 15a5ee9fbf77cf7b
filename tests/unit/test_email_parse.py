"""What the parser makes of mail that is made well, badly, or to do harm."""

from __future__ import annotations

import base64
import time
import zlib
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.email import identity
from connectors.email.parse import parse


def mail(body: bytes = b"text", **fields: str) -> bytes:
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return head.encode() + b"\r\n" + body


@given(st.binary(max_size=2000))
def test_any_bytes_are_parsed(raw: bytes) -> None:
    assert parse(raw).size == len(raw)


@given(
    st.lists(
        st.sampled_from(
            [
                b"Content-Type: multipart/mixed; boundary=a\r\n",
                b'Content-Type: multipart/alternative; boundary="b"\r\n',
                b"Content-Type: text/html; charset=gb2312\r\n",
                b"Content-Type: message/rfc822\r\n",
                b"Content-Transfer-Encoding: base64\r\n",
                b"Content-Disposition: attachment; filename*0*=gb2312''%CF; filename*1*=%C2\r\n",
                b"Subject: =?gb2312?B?1f0=?= =?x?Q?=?=\r\n",
                b'From: "(<,>\xff\r\n',
                b"\r\n",
                b"--a\r\n",
                b"--a--\r\n",
                b"--b\r\n",
                b"--b--\r\n",
                b"<table><tr><td>x<div>\r\n",
                b"\xc4\xe3\xba\xc3\r\n",
            ]
        ),
        max_size=40,
    )
)
def test_any_order_of_mail_like_lines_is_parsed(lines: list[bytes]) -> None:
    parsed = parse(b"".join(lines))
    assert "could not be parsed" not in " ".join(parsed.problems)


def test_names_of_attachments_are_safe() -> None:
    names = [
        "../../etc/passwd",
        "C:\\Windows\\system32\\evil.exe",
        "a\0b.txt",
        "con.txt",
        "报告\u202egpj.exe",
        "...",
        "x" * 500 + ".pdf",
        "a<b>|c?.txt",
    ]
    parts = "".join(f'--x\r\nContent-Type: application/octet-stream; name="{name}"\r\n\r\nabc\r\n' for name in names)
    parsed = parse(mail(parts.encode() + b"--x--", Content_Type="multipart/mixed; boundary=x"))
    found = [one.name for one in parsed.attachments]
    assert found[:7] == ["passwd", "evil.exe", "ab.txt", "_con.txt", "报告gpj.exe", None, found[6]]
    assert found[6] is not None
    assert found[6].endswith(".pdf")
    assert len(found[6].encode()) <= 180
    assert found[7] == "abc.txt"
    assert all(one.file_name for one in parsed.attachments)


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("attachment; filename*=UTF-8''%E7%8E%B0%E5%9C%BA.jpg", "现场.jpg"),
        ("attachment; filename*0*=gb18030''%CF%D6; filename*1*=%B3%A1; filename*2=.jpg", "现场.jpg"),
        ("attachment; filename*1*=%B3%A1; filename*0*=gb18030''%CF%D6", "现场"),
        ('attachment; filename="=?gb2312?B?z9azoS5qcGc=?="', "现场.jpg"),
        ("attachment; filename==?UTF-8?Q?=E7=8E=B0=E5=9C=BA.jpg?=", "现场.jpg"),
        ('attachment; filename="a;b\\"c.txt"', "a;bc.txt"),
        ("attachment; filename=two words.txt", "two words.txt"),
        ('attachment; filename="unclosed.txt', "unclosed.txt"),
    ],
)
def test_file_names_as_mailers_write_them(disposition: str, name: str) -> None:
    raw = f"--x\r\nContent-Disposition: {disposition}\r\nContent-Type: image/jpeg\r\n\r\n\r\n--x--".encode()
    assert [one.name for one in parse(mail(raw, Content_Type="multipart/mixed; boundary=x")).attachments] == [name]


def test_types_are_what_the_bytes_are() -> None:
    built = EmailMessage()
    built["Subject"] = "x"
    built.set_content("text")
    built.add_attachment(b"%PDF-1.7 ...", maintype="image", subtype="jpeg", filename="photo.jpg")
    built.add_attachment(b"MZ\x90\0" + bytes(100), maintype="image", subtype="png", filename="p.png")
    built.add_attachment(
        b"\x89PNG\r\n\x1a\n" + bytes(100), maintype="application", subtype="octet-stream", filename="a"
    )
    built.add_attachment("型号,数量\n".encode(), maintype="application", subtype="octet-stream", filename="a.csv")
    kinds = [one.type for one in parse(built.as_bytes()).attachments]
    assert kinds[0] == "application/pdf"
    assert kinds[1] not in ("image/png",)
    assert kinds[2] == "image/png"
    assert kinds[3] == "text/csv"


def test_a_long_list_without_end_tags_keeps_its_layout() -> None:
    page = "<ol>" + "".join(f"<li>item {n}" for n in range(300)) + "</ol><table>" + "<tr><td>a<td>b" * 300 + "</table>"
    text = parse(mail(page.encode(), Content_Type="text/html")).text
    assert "1. item 0\n2. item 1" in "\n".join(line.strip() for line in text.splitlines())
    assert ["a", "b"] in [line.split() for line in text.splitlines()]


def test_html_becomes_text_with_its_tables_and_without_hidden_text() -> None:
    page = (
        "<html><head><style>p{}</style><script>alert(1)</script></head><body><p>您好，</p><div style='display:none'>hidden</div>"
        "<table><tr><th>型号</th><th>数量</th></tr><tr><td>KX-320</td><td>2</td></tr></table>谢谢</body></html>"
    )
    parsed = parse(mail(page.encode(), Content_Type="text/html; charset=utf-8", Content_Transfer_Encoding="8bit"))
    lines = [line.split() for line in parsed.text.splitlines() if line.strip()]
    assert ["型号", "数量"] in lines
    assert ["KX-320", "2"] in lines
    assert "hidden" not in parsed.text
    assert "alert" not in parsed.text


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 20_000 + "请尽快维修" + "</div>" * 20_000,
        "<table><tr><td>" * 90 + "x<br>" * 20_000 + "请尽快维修",
        "<table><tr><td>" * 60 + "x<br>" * 40_000 + "请尽快维修",
        "<ul>" + "<li>x" * 40_000 + "请尽快维修",
        "<p>" * 40_000 + "请尽快维修",
        "<b><p>" * 20_000 + "请尽快维修",
    ],
    ids=["divs", "tables", "lines", "items", "paragraphs", "unclosed"],
)
def test_deeply_nested_html_loses_no_words_and_no_time(page: str) -> None:
    started = time.process_time()
    parsed = parse(mail(page.encode(), Content_Type="text/html; charset=utf-8"))
    assert "请尽快维修" in parsed.text
    assert time.process_time() - started < 3


@pytest.mark.parametrize(
    "body",
    [
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(5_000)),
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n\r\n" * 200_000,
        b"Subject: " + b"=?gb2312?B?xOO6ww==?= " * 100_000 + b"\r\n\r\nx",
        b"To: " + b"a@b.c, " * 300_000 + b"\r\n\r\nx",
        b"To: " + b'"' * 500_000 + b"\r\n\r\nx",
        b"Content-Type: text/plain" + b"; a=b" * 200_000 + b"\r\n\r\nx",
        b"X: y\r\n" * 300_000 + b"\r\nx",
        b"Subject: x\r\n" + b"junk\r\n" * 300_000,
        b"Content-Type: text/html\r\n\r\n" + b"<script>" * 200_000,
        b"Content-Type: text/html\r\n\r\n" + b"<!--" * 300_000,
        b"Content-Type: text/html\r\n\r\n" + b"<a " * 300_000,
        b"Content-Type: message/rfc822\r\n\r\n" * 50_000,
        b"Content-Type: text/html\r\n\r\n" + b"<p" * 900_000,
        b"Content-Type: text/html\r\n\r\n" + b"<td<script" * 190_000,
    ],
    ids=[
        "nested",
        "parts",
        "words",
        "addresses",
        "quotes",
        "parameters",
        "fields",
        "junk",
        "scripts",
        "comments",
        "tags",
        "letters",
        "openings",
        "cells",
    ],
)
def test_mail_made_to_take_long(body: bytes) -> None:
    started = time.process_time()
    parsed = parse(body)
    assert time.process_time() - started < 3
    assert parsed.size == len(body)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"From": "a@example.com", "Subject": "空调坏了"}, "person"),
        ({"From": "a@example.com", "Auto-Submitted": "auto-replied"}, "auto-reply"),
        ({"From": "a@example.com", "Auto-Submitted": "no"}, "person"),
        ({"From": "a@example.com", "Auto-Submitted": "auto-generated (vacation)"}, "auto-reply"),
        ({"From": "a@example.com", "X-Autoreply": "yes"}, "auto-reply"),
        ({"From": "a@example.com", "Precedence": "auto_reply"}, "auto-reply"),
        ({"From": "a@example.com", "Subject": "自动回复: 休假中"}, "auto-reply"),
        ({"From": "a@example.com", "Subject": "Automatic reply: away"}, "auto-reply"),
        ({"From": "a@example.com", "Subject": "自动门坏了，请来修"}, "person"),
        ({"From": "a@example.com", "Return-Path": "<>"}, "auto-reply"),
        ({"From": "MAILER-DAEMON@example.com", "Return-Path": "<>", "Subject": "Undelivered Mail"}, "bounce"),
        ({"From": "postmaster@example.com", "Subject": "系统退信"}, "bounce"),
        ({"From": "x@example.com", "X-Failed-Recipients": "b@example.com"}, "bounce"),
        (
            {"From": "x@example.com", "Content-Type": "multipart/report; report-type=delivery-status; boundary=z"},
            "bounce",
        ),
        ({"From": "x@example.com", "List-Id": "<news.example.com>"}, "list"),
        ({"From": "x@example.com", "Precedence": "bulk"}, "list"),
        ({"From": "noreply@example.com", "Subject": "报警"}, "person"),
    ],
)
def test_kinds(fields: dict[str, str], kind: str) -> None:
    assert parse(mail(**{name.replace("-", "_"): value for name, value in fields.items()})).kind == kind


def test_a_bounce_names_the_mail_that_came_back() -> None:
    body = (
        b"--z\r\n\r\nfailed\r\n--z\r\nContent-Type: message/delivery-status\r\n\r\nStatus: 5.1.1\r\n"
        b"--z\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <hotline-7@firm.example>\r\nSubject: x\r\n--z--\r\n"
    )
    parsed = parse(
        mail(body, Content_Type="multipart/report; report-type=delivery-status; boundary=z", From="MAILER-DAEMON")
    )
    assert (parsed.kind, parsed.ancestors) == ("bounce", ("hotline-7@firm.example",))


def test_a_forwarded_letter_is_read_where_there_is_nothing_else() -> None:
    inner = "Subject: 故障\r\nContent-Type: text/plain; charset=gb18030\r\n\r\n打印机卡纸".encode("gb18030")
    parsed = parse(
        mail(
            b"--x\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--x--",
            Content_Type="multipart/mixed; boundary=x",
        )
    )
    assert parsed.text.strip() == "打印机卡纸"


def test_invitations() -> None:
    calendar = (
        "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1@example.com\r\nSUMMARY:上门安装\\, 二期\r\n"
        "DTSTART;TZID=Asia/Shanghai:20261124T090000\r\nDTEND;TZID=Asia/Shanghai:20261124T1\r\n 00000\r\nLOCATION:三号楼\r\n"
        'ORGANIZER;CN="王: 工":mailto:w@example.com\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n'
    )
    body = base64.encodebytes(calendar.encode())
    parsed = parse(
        mail(body, Content_Type="text/calendar; charset=utf-8; method=REQUEST", Content_Transfer_Encoding="base64")
    )
    (one,) = parsed.invitations
    assert (one.method, one.summary, one.location, one.zone) == ("REQUEST", "上门安装, 二期", "三号楼", "Asia/Shanghai")
    assert one.sentence() == "上门安装, 二期, 2026-11-24 09:00 – 2026-11-24 10:00 Asia/Shanghai, 三号楼"
    assert parsed.text == one.sentence()


def test_broken_winmail_is_kept() -> None:
    for content in (b"\x78\x9f\x3e\x22" + bytes(range(256)) * 4, b"\x78\x9f\x3e\x22", b"nothing"):
        body = base64.encodebytes(content)
        parsed = parse(
            mail(body, Content_Type='application/ms-tnef; name="winmail.dat"', Content_Transfer_Encoding="base64")
        )
        assert [one.name for one in parsed.attachments][:1] == ["winmail.dat"]
        assert not parsed.unreadable


def test_winmail_is_opened() -> None:
    parsed = parse(
        mail(_winmail("现场.txt", "漏水".encode("gbk")), Content_Type="application/ms-tnef; name=winmail.dat")
    )
    assert [one.size for one in parsed.attachments[1:]] == [4]
    assert parsed.attachments[1].name == "现场.txt"


def _winmail(name: str, content: bytes) -> bytes:
    def attribute(level: int, ident: int, value: bytes) -> bytes:
        return (
            bytes([level])
            + ident.to_bytes(4, "little")
            + len(value).to_bytes(4, "little")
            + value
            + (sum(value) & 0xFFFF).to_bytes(2, "little")
        )

    return (
        (0x223E9F78).to_bytes(4, "little")
        + b"\x01\x00"
        + attribute(1, 0x00089006, (0x00010000).to_bytes(4, "little"))
        + attribute(1, 0x00069007, (936).to_bytes(4, "little") + bytes(4))
        + attribute(2, 0x00069002, bytes(14))
        + attribute(2, 0x00018010, name.encode("gbk") + b"\0")
        + attribute(2, 0x0006800F, content)
    )


def test_an_outlook_file_is_no_mail() -> None:
    parsed = parse(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    assert parsed.unreadable
    assert parsed.problems


def test_the_identity_is_the_content() -> None:
    one = mail(b"hello\r\n", Message_ID="<a@b>", Subject="x")
    assert identity.of(one) == identity.of(b"Received: by relay\r\n\tlater\r\nReturn-Path: <c@d>\r\n" + one)
    assert identity.of(one) == identity.of(one.replace(b"\r\n", b"\n"))
    assert identity.of(one) != identity.of(mail(b"hello!\r\n", Message_ID="<a@b>", Subject="x"))
    assert identity.of(one) != identity.of(mail(b"hello\r\n", Message_ID="<a@b>", Subject="y"))


def test_a_boundary_used_twice_hides_no_attachment() -> None:
    body = (
        b"--x\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nplain\r\n"
        b"--x\r\nContent-Type: text/html\r\n\r\n<b>html</b>\r\n--x--\r\n\r\n--x\r\nContent-Type: application/zip; name=a.zip\r\n\r\nPK\r\n--x--\r\n"
    )
    parsed = parse(mail(body, Content_Type="multipart/mixed; boundary=x"))
    assert parsed.text.strip() == "plain"
    assert [one.name for one in parsed.attachments] == ["a.zip"]


def test_text_that_follows_the_header_at_once_is_not_lost() -> None:
    parsed = parse(b"From: a@example.net\r\nSubject: pump\r\nThe pump leaks.\r\nPlease come.\r\n\r\nThanks\r\n")
    assert (parsed.subject, parsed.text) == ("pump", "The pump leaks.\nPlease come.\n\nThanks\n")
    parsed = parse("Subject: 空调\n不制冷\nFrom: a@example.net\n\n三楼".encode("gb18030"))
    assert (parsed.sender.address, parsed.text) == ("a@example.net", "三楼")


def test_base64_in_the_wild() -> None:
    for coded in (b"5L2g5aW9", b"5L2g\r\n!!5aW9=", b"5L2g5aW9====", b"5L2g5aW9A"):
        assert (
            parse(mail(coded, Content_Type="text/plain; charset=utf-8", Content_Transfer_Encoding="base64")).text
            == "你好"
        )


def test_compressed_rubbish_does_not_matter() -> None:
    bomb = zlib.compress(bytes(10_000_000))
    parsed = parse(
        mail(base64.encodebytes(bomb), Content_Type="application/zip; name=a.zip", Content_Transfer_Encoding="base64")
    )
    assert parsed.attachments[0].size == len(bomb)
