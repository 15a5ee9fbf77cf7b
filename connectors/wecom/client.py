"""WeCom's API: application messages, media, 微信客服, group robots. Called by workers only."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import requests

from connectors.wechat.client import Api
from connectors.wechat.errors import ApiUnreachable, error_of
from connectors.wecom.settings import WeComSettings
from core import settings
from core.errors import ConfigurationError


@lru_cache(maxsize=8)
def _api(base: str, timeout: float, corp_id: str, secret: str) -> Api:
    return Api(base, "/cgi-bin/gettoken", {"corpid": corp_id, "corpsecret": secret}, timeout)


def api(*, service: bool = False) -> Api:
    """The API as the application, or as 微信客服; raises ConfigurationError without a secret."""
    config = settings.get(WeComSettings)
    secret = (config.kf_secret.get_secret_value() if service else "") or config.secret.get_secret_value()
    if not config.corp_id or not secret:
        raise ConfigurationError("HOTLINE_WECOM_CORP_ID and HOTLINE_WECOM_SECRET are needed to call WeCom.")
    return _api(config.api_url, config.api_timeout, config.corp_id, secret)


def send_text(user: str, text: str, key: str = "") -> str:
    """A message of the application to a member; returns WeCom's message id. The same text is not sent twice in 10 minutes."""
    content: dict[str, Any] = {
        "touser": user,
        "msgtype": "text",
        "agentid": settings.get(WeComSettings).agent_id,
        "text": {"content": text},
        "enable_duplicate_check": 1,
        "duplicate_check_interval": 600,
    }
    return str(api().call("/cgi-bin/message/send", content).get("msgid", ""))


def send_service_text(customer: str, account: str, text: str, key: str) -> str:
    """A 微信客服 message to a customer, possible within 48 h of the customer's last one (five of them); returns its id."""
    content = {
        "touser": customer,
        "open_kfid": account,
        "msgid": key[:32],
        "msgtype": "text",
        "text": {"content": text},
    }
    return str(api(service=True).call("/cgi-bin/kf/send_msg", content).get("msgid", ""))


def sync(token: str, account: str, cursor: str) -> dict[str, Any]:
    """The next page of 微信客服 messages: ``msg_list``, ``next_cursor``, ``has_more``."""
    content: dict[str, Any] = {"open_kfid": account, "limit": 1000, "voice_format": 0}
    if cursor:
        content["cursor"] = cursor
    if token:
        content["token"] = token
    return api(service=True).call("/cgi-bin/kf/sync_msg", content)


def media(media_id: str, *, service: bool = False) -> tuple[bytes, str]:
    """A file that somebody sent and its type."""
    return api(service=service).download(
        "/cgi-bin/media/get", {"media_id": media_id}, settings.get(WeComSettings).media_limit
    )


def tell_group(robot: str, text: str) -> None:
    """A text to the group of a robot (at most 2,048 bytes, 20 a minute)."""
    config = settings.get(WeComSettings)
    try:
        answer = requests.post(
            f"{config.api_url.rstrip('/')}/cgi-bin/webhook/send",
            params={"key": robot},
            json={"msgtype": "text", "text": {"content": text}},
            timeout=config.api_timeout,
            allow_redirects=False,
        ).json()
    except (requests.RequestException, ValueError) as error:
        raise ApiUnreachable(f"WeCom cannot be reached ({type(error).__name__}).") from None
    if answer.get("errcode"):
        raise error_of(int(answer["errcode"]), str(answer.get("errmsg", "")))
