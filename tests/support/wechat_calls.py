"""Callbacks as WeChat and WeCom send them: signed, plain, compatible or encrypted. The encryption is written here from the
documentation ("消息加解密说明"), not taken from the library under test."""

from __future__ import annotations

import base64
import hashlib
import os
import struct
import time
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


def sign(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def encrypt(text: str, key: str, owner: str) -> str:
    aes = base64.b64decode(key + "=")
    content = text.encode()
    plain = os.urandom(16) + struct.pack(">I", len(content)) + content + owner.encode()
    padding = 32 - len(plain) % 32
    plain += bytes([padding]) * padding
    encryptor = Cipher(algorithms.AES(aes), modes.CBC(aes[:16])).encryptor()
    return base64.b64encode(encryptor.update(plain) + encryptor.finalize()).decode()


def decrypt(sealed: str, key: str, owner: str) -> str:
    aes = base64.b64decode(key + "=")
    decryptor = Cipher(algorithms.AES(aes), modes.CBC(aes[:16])).decryptor()
    plain = decryptor.update(base64.b64decode(sealed)) + decryptor.finalize()
    plain = plain[: -plain[-1]]
    length = struct.unpack(">I", plain[16:20])[0]
    assert plain[20 + length :].decode() == owner
    return plain[20 : 20 + length].decode()


@dataclass(frozen=True, kw_only=True)
class Callback:
    """The query and the body of one request."""

    query: dict[str, str]
    body: str


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Sends like an account does. ``now`` stands still if it is given (s since 1970)."""

    token: str = "tok"
    key: str = ""
    owner: str = "wxappid"

    def plain(self, xml: str, *, timestamp: int | None = None, nonce: str = "") -> Callback:
        stamp, nonce = str(timestamp or int(time.time())), nonce or os.urandom(5).hex()
        return Callback(
            query={"signature": sign(self.token, stamp, nonce), "timestamp": stamp, "nonce": nonce, "openid": "o"},
            body=xml,
        )

    def sealed(self, xml: str, *, compatible: bool = False, timestamp: int | None = None, nonce: str = "") -> Callback:
        call = self.plain(xml, timestamp=timestamp, nonce=nonce)
        encrypted = encrypt(xml, self.key, self.owner)
        signature = sign(self.token, call.query["timestamp"], call.query["nonce"], encrypted)
        outer = f"<ToUserName><![CDATA[gh_1]]></ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt>"
        inner = xml.strip().removeprefix("<xml>").removesuffix("</xml>") if compatible else ""
        if compatible:
            outer = outer.removeprefix("<ToUserName><![CDATA[gh_1]]></ToUserName>")
        return Callback(
            query={**call.query, "encrypt_type": "aes", "msg_signature": signature}, body=f"<xml>{inner}{outer}</xml>"
        )

    def text(self, content: str, *, number: int | str = 1, sender: str = "openid-1") -> str:
        return (
            f"<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[{sender}]]></FromUserName>"
            f"<CreateTime>{int(time.time())}</CreateTime><MsgType><![CDATA[text]]></MsgType>"
            f"<Content><![CDATA[{content}]]></Content><MsgId>{number}</MsgId></xml>"
        )
