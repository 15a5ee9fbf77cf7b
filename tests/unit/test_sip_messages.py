"""SIP messages read from bytes: what is one, what is wrong with it, and the 49 of RFC 4475."""

from __future__ import annotations

import pytest

from connectors.sip.address import parse_address, parse_params, parse_uri, parse_via
from connectors.sip.message import NotSip, SipMessage, answer, parse, split
from connectors.sip.validity import answerable, fault_of
from tests.support.sip import DATA

TORTURE = DATA / "rfc4475"

# What becomes of each message at a user agent server that takes calls (RFC 4475 §3). 0: nothing is wrong with it. Those that
# RFC 4475 calls valid but whose method we don't serve get 405 or 501, as it says of them.
EXPECTED: dict[str, int | str] = {
    # §3.1.1 valid
    "wsinv": 0,
    "intmeth": 501,
    "esc01": 0,
    "escnull": 405,
    "esc02": 501,
    "lwsdisp": 0,
    "longreq": 0,
    "dblreq": 405,
    "semiuri": 0,
    "transports": 0,
    "mpart01": 405,
    "unreason": "response",
    "noreason": "response",
    # §3.1.2 invalid
    "badinv01": 400,
    "clerr": 400,
    "ncl": 400,
    "scalar02": 400,
    "scalarlg": "response",
    "quotbal": 400,
    "ltgtruri": 400,
    "lwsruri": 400,
    "lwsstart": 400,
    "trws": 400,
    "escruri": 400,
    "baddate": 0,
    "regbadct": 405,
    "badaspec": 0,  # blanks within the brackets: an element should be liberal
    "baddn": 400,
    "badvers": 505,
    "mismatch01": 400,
    "mismatch02": 400,
    "bigcode": "dropped",
    # §3.2 and §3.3 transaction and application layer
    "badbranch": 400,
    "insuf": 400,
    "unkscm": 416,
    "novelsc": 416,
    "unksm2": 405,
    "bext01": 420,
    "invut": 415,
    "regaut01": 405,
    "multi01": 400,
    "mcl01": 400,
    "bcast": "response",
    "zeromf": 0,
    "cparam01": 405,
    "cparam02": 405,
    "regescrt": 405,
    "sdp01": 0,
    "inv2543": 0,
}


def test_every_torture_message_is_here() -> None:
    assert {path.stem for path in TORTURE.glob("*.dat")} == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_torture(name: str) -> None:
    data = (TORTURE / f"{name}.dat").read_bytes()
    wanted = EXPECTED[name]
    if wanted == "dropped":
        with pytest.raises(NotSip):
            parse(data)
        return
    message = parse(data)
    if wanted == "response":
        assert not message.is_request
        return
    assert message.is_request
    assert answerable(message)
    fault = fault_of(message)
    assert (fault.status if fault else 0) == wanted, fault


def test_what_a_valid_torture_message_says() -> None:
    message = parse((TORTURE / "wsinv.dat").read_bytes())
    assert message.method == "INVITE"
    assert message.cseq == (9, "INVITE")
    assert message.get("max-forwards") == "0068"
    vias = [parse_via(each) for each in message.all("via")]
    assert [(via.transport, via.host) for via in vias] == [
        ("UDP", "192.0.2.2"),
        ("TCP", "spindle.example.com"),
        ("UDP", "192.168.255.111"),
    ]
    assert parse_address(message.get("to")).tag == "1918181833n"
    assert sorted(parse(message.encode()).headers) == sorted(message.headers)


def test_only_the_first_of_two_requests_in_a_datagram_is_read() -> None:
    message = parse((TORTURE / "dblreq.dat").read_bytes())
    assert (message.method, message.body) == ("REGISTER", b"")


def test_a_message_survives_being_written() -> None:
    message = SipMessage("INVITE", "sip:400@host")
    message.headers = [("via", "SIP/2.0/UDP a;branch=z9hG4bK1"), ("from", "王 <sip:a@b>;tag=1"), ("call-id", "x")]
    message.body = b"v=0\r\n"
    again = parse(message.encode())
    assert (again.method, again.uri, again.body) == ("INVITE", "sip:400@host", b"v=0\r\n")
    assert again.get("from") == "王 <sip:a@b>;tag=1"


def test_bytes_that_are_not_utf8_survive() -> None:
    data = b"OPTIONS sip:a@b SIP/2.0\r\nSubject: \xff\xfe\r\n\r\n"
    assert b"\xff\xfe" in parse(data).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 40,
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"INVITE sip:a@b SIP/2.0\r\nno colon here\r\n\r\n",
        b"SIP/2.0 9999 What\r\nVia: x\r\n\r\n",
        b"INVITE sip:a@b SIP/2.0\r\nVia: x",
        b"OPTIONS sip:a@b SIP/2.0\r\n" + b"X: y\r\n" * 500 + b"\r\n",
    ],
)
def test_what_is_no_sip(data: bytes) -> None:
    with pytest.raises(NotSip):
        parse(data)


def test_commas_part_only_outside_quotes_and_brackets() -> None:
    assert split('"a, b" <sip:x,y@z>, <sip:c>;p="1,2"') == ['"a, b" <sip:x,y@z>', '<sip:c>;p="1,2"']


def test_addresses() -> None:
    address = parse_address('"Li \\"Lei\\"" <sip:%31390@pbx.example:5080;transport=udp?x=y>;tag=7')
    uri = parse_uri(address.uri)
    assert (address.name, address.tag) == ('Li "Lei"', "7")
    assert (uri.user, uri.host, uri.port, uri.headers) == ("1390", "pbx.example", 5080, "x=y")
    assert parse_uri("tel:+8613900001234;phone-context=x").user == "+8613900001234"
    for wrong in ("sip:", "a b", "sip:u@h:99999", "<sip:x>", "sip:u@"):
        with pytest.raises(ValueError):
            parse_uri(wrong)
    with pytest.raises(ValueError):
        parse_address('"open <sip:a@b>')
    with pytest.raises(ValueError):
        parse_params(";;x")


def test_an_answer_is_the_requests_own() -> None:
    request = parse(
        b"OPTIONS sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1\r\nv: SIP/2.0/UDP g\r\nf: <sip:x@y>;tag=1\r\n"
        b"t: <sip:a@b>\r\ni: c\r\nCSeq: 1 OPTIONS\r\nSubject: s\r\n\r\n"
    )
    response = answer(request, 200, "OK", tag="ours")
    assert [name for name, _ in response.headers] == ["via", "via", "from", "to", "call-id", "cseq"]
    assert parse_address(response.get("to")).tag == "ours"
