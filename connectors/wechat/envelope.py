"""Opening a callback's envelope and sealing the answer: plain, compatible (both in one body) and encrypted mode."""

from __future__ import annotations

import binascii
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from connectors import xml
from connectors.wechat import signature
from core.errors import ConfigurationError, Forbidden, Malformed


@dataclass(frozen=True, kw_only=True)
class Opened:
    """The fields of the message, its XML, and whether it came encrypted (the answer must then be, too)."""

    fields: Mapping[str, Any]
    source: str
    encrypted: bool


class Envelope:
    """The secrets of one account. ``owner`` is the AppID (WeCom: CorpID) that stands inside what is encrypted."""

    def __init__(self, token: SecretStr, aes_key: SecretStr, owner: str, *, enterprise: bool = False) -> None:
        self._token = token.get_secret_value()
        self._owner = owner
        self._crypto: Any = None
        key = aes_key.get_secret_value()
        if key:
            if enterprise:
                from wechatpy.enterprise.crypto import PrpCrypto, WeChatCrypto
            else:
                from wechatpy.crypto import PrpCrypto, WeChatCrypto
            try:
                self._crypto = WeChatCrypto(self._token, key, owner)
            except (AssertionError, binascii.Error):
                raise ConfigurationError("An EncodingAESKey has 43 characters of base 64.") from None
            self._cipher = PrpCrypto(self._crypto.key)

    def check_address(self, query: Mapping[str, str]) -> None:
        """The signature of the address itself; raises Forbidden."""
        signature.check(query.get("signature", ""), self._token, query.get("timestamp", ""), query.get("nonce", ""))

    def open(self, query: Mapping[str, str], body: bytes, *, takes_plain: bool) -> Opened:
        """Checks the signatures and decrypts; raises Forbidden or Malformed."""
        if not takes_plain and self._crypto is None:
            raise ConfigurationError("The account's EncodingAESKey is not set.")
        if "msg_signature" not in query:
            self.check_address(query)
        outer = _message(xml.read(body))
        sealed = xml.text_of(outer, "Encrypt")
        if sealed and self._crypto is not None:
            source = self.unseal(query, sealed)
            return Opened(fields=_message(xml.read(source)), source=source, encrypted=True)
        if not takes_plain or set(outer) <= {"ToUserName", "Encrypt", "AgentID"}:
            raise Forbidden("This account takes encrypted messages only.")
        self.check_address(query)
        return Opened(fields=outer, source=body.decode("utf-8", "replace"), encrypted=False)

    def unseal(self, query: Mapping[str, str], sealed: str) -> str:
        """What is encrypted in ``sealed``; raises Forbidden if the signature or the owner does not fit."""
        parts = (self._token, query.get("timestamp", ""), query.get("nonce", ""), sealed)
        signature.check(query.get("msg_signature", ""), *parts)
        try:
            opened: str = self._cipher.decrypt(sealed, self._owner)
        except (ValueError, IndexError, struct.error, binascii.Error):
            raise Malformed("The encrypted part cannot be decrypted.") from None
        except Exception as error:  # wechatpy's InvalidAppId and InvalidCorpId share only Exception with the rest
            raise Forbidden("The message is meant for another account.") from error
        return opened

    def seal(self, answer: str, nonce: str, timestamp: str) -> str:
        """The answer as an encrypted and signed XML document."""
        sealed: str = self._crypto.encrypt_message(answer, nonce, timestamp)
        return sealed


def _message(document: Mapping[str, Any]) -> dict[str, Any]:
    content = document.get("xml")
    if not isinstance(content, dict):
        raise Malformed("A callback is an <xml> element with fields.")
    return content
