"""WeChat's API: media, customer-service, template and subscription messages. Called by workers only, never by the callback."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import requests

from connectors.access_token import TokenCache
from connectors.wechat.errors import TOKEN_CODES, ApiError, ApiUnreachable, error_of
from connectors.wechat.settings import Account, WeChatSettings
from core import settings
from core.errors import ConfigurationError, TooLarge


class Api:
    """Calls of one provider with its access token. An answer that calls the token invalid is tried once more with a new
    one; other refusals raise ApiError, ApiBusy (try later) or ApiUnreachable."""

    def __init__(self, base: str, token_path: str, token_query: Mapping[str, str], timeout: float) -> None:
        self.base = base.rstrip("/")
        self._token_path = token_path
        self._token_query = dict(token_query)
        self._timeout = timeout
        self._tokens = TokenCache("|".join([self.base, token_path, *self._token_query.values()]), self._fetch_token)

    def call(self, path: str, content: Any = None, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """A JSON call; returns the answer."""
        _, answer = self._with_token(path, content, dict(query or {}), limit=1024 * 1024)
        if answer is None:
            raise ApiError(0, "the answer is no JSON")
        return answer

    def download(self, path: str, query: Mapping[str, str], limit: int) -> tuple[bytes, str]:
        """A file and its content type; raises TooLarge beyond ``limit`` bytes."""
        (body, type_), answer = self._with_token(path, None, dict(query), limit)
        if answer is not None and "video_url" in answer:
            return fetch(str(answer["video_url"]), limit, self._timeout)
        if answer is not None:
            raise ApiError(0, "the answer is no file")
        return body, type_

    def _with_token(
        self, path: str, content: Any, query: dict[str, str], limit: int
    ) -> tuple[tuple[bytes, str], dict[str, Any] | None]:
        refused = ""
        while True:
            token = self._tokens.token(refused)
            found = self._request(path, content, {**query, "access_token": token}, limit)
            answer = found[1]
            number = answer.get("errcode", 0) if answer else 0
            if not number:
                return found
            if number in TOKEN_CODES and not refused:
                refused = token
                continue
            raise error_of(int(number), str((answer or {}).get("errmsg", "")))

    def _request(
        self, path: str, content: Any, query: Mapping[str, str], limit: int
    ) -> tuple[tuple[bytes, str], dict[str, Any] | None]:
        # WeChat shows \uXXXX to the customer as it stands, so the JSON is sent as UTF-8.
        body = None if content is None else json.dumps(content, ensure_ascii=False).encode()
        method = "GET" if body is None else "POST"
        found = _exchange(method, f"{self.base}{path}", limit, self._timeout, query, body)
        if "json" not in found[1] and "text/plain" not in found[1]:
            return found, None
        try:
            answer = json.loads(found[0])
        except ValueError:
            return found, None
        return found, answer if isinstance(answer, dict) else None

    def _fetch_token(self) -> tuple[str, int]:
        _, answer = self._request(self._token_path, None, self._token_query, 65536)
        if answer is None:
            raise ApiUnreachable("The answer to the token request is no JSON.")
        if answer.get("errcode"):
            raise error_of(int(answer["errcode"]), str(answer.get("errmsg", "")))
        return str(answer["access_token"]), int(answer.get("expires_in", 7200))


def fetch(url: str, limit: int, timeout: float) -> tuple[bytes, str]:
    """A file from an address that the provider gave."""
    return _exchange("GET", url, limit, timeout, {}, None)


def _exchange(
    method: str, url: str, limit: int, timeout: float, query: Mapping[str, str], body: bytes | None
) -> tuple[bytes, str]:
    headers = {"Content-Type": "application/json; charset=utf-8"} if body is not None else {}
    try:
        with requests.request(
            method,
            url,
            params=dict(query),
            data=body,
            headers=headers,
            timeout=timeout,
            stream=True,
            allow_redirects=False,
        ) as response:
            if response.status_code != 200:
                raise ApiUnreachable(f"The provider's API answered {response.status_code}.")
            content = bytearray()
            for chunk in response.iter_content(65536):
                content += chunk
                if len(content) > limit:
                    raise TooLarge(f"A file may have {limit} bytes.")
            return bytes(content), response.headers.get("Content-Type", "").lower()
    except requests.RequestException as error:
        # The text of such an error may hold the address with its token.
        raise ApiUnreachable(f"The provider's API cannot be reached ({type(error).__name__}).") from None


@lru_cache(maxsize=32)
def _api(base: str, timeout: float, app_id: str, secret: str) -> Api:
    query = {"grant_type": "client_credential", "appid": app_id, "secret": secret}
    return Api(base, "/cgi-bin/token", query, timeout)


def api(of: Account) -> Api:
    """The API as this account; raises ConfigurationError without its AppID and secret."""
    config = settings.get(WeChatSettings)
    if not of.app_id or not of.secret.get_secret_value():
        raise ConfigurationError("HOTLINE_WECHAT_APP_ID and HOTLINE_WECHAT_SECRET are needed to call WeChat.")
    return _api(config.api_url, config.api_timeout, of.app_id, of.secret.get_secret_value())


def send_text(of: Account, openid: str, text: str) -> None:
    """A customer-service message; possible within 48 h of the follower's last message."""
    api(of).call("/cgi-bin/message/custom/send", {"touser": openid, "msgtype": "text", "text": {"content": text}})


def send_template(of: Account, openid: str, template: str, values: Mapping[str, str], url: str = "") -> str:
    """A template message; returns WeChat's message id. Values by keyword."""
    content: dict[str, Any] = {
        "touser": openid,
        "template_id": template,
        "data": {name: {"value": value} for name, value in values.items()},
    }
    if url:
        content["url"] = url
    return str(api(of).call("/cgi-bin/message/template/send", content).get("msgid", ""))


def send_subscription(of: Account, openid: str, template: str, values: Mapping[str, str], page: str = "") -> str:
    """A subscription notice ("订阅通知") that the follower has asked for; returns WeChat's message id, "" if it gives none."""
    content: dict[str, Any] = {
        "touser": openid,
        "template_id": template,
        "data": {name: {"value": value} for name, value in values.items()},
    }
    if page:
        content["page"] = page
    return str(api(of).call("/cgi-bin/message/subscribe/bizsend", content).get("msgid", ""))


def media(of: Account, media_id: str, limit: int) -> tuple[bytes, str]:
    """A picture, voice or video that a customer sent (kept by WeChat for three days) and its type."""
    return api(of).download("/cgi-bin/media/get", {"media_id": media_id}, limit)
