"""Which official accounts there are and how they are spoken to."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from core import settings
from core.errors import NotFound


class Account(BaseModel, frozen=True):
    """One official account. ``mode`` as in the account's own settings; auto: encrypted if there is a key, else plain."""

    name: str = "main"
    token: SecretStr = SecretStr("")
    app_id: str = ""
    secret: SecretStr = SecretStr("")
    aes_key: SecretStr = SecretStr("")
    mode: Literal["auto", "plain", "compatible", "encrypted"] = "auto"
    template: str = ""

    @property
    def takes_plain(self) -> bool:
        return self.mode in ("plain", "compatible") or (self.mode == "auto" and not self.aes_key.get_secret_value())


class WeChatSettings(settings.Section, prefix="WECHAT"):
    """WeChat official accounts. The callback address to enter at WeChat is PUBLIC_URL/wechat."""

    token: SecretStr = Field(SecretStr(""), description="Token of the callback settings. Empty: no official account.")
    app_id: str = Field("", description="AppID of the account.")
    secret: SecretStr = Field(
        SecretStr(""), description="AppSecret; needed to send messages and to fetch voice and video."
    )
    aes_key: SecretStr = Field(
        SecretStr(""), description="EncodingAESKey, 43 characters; for compatible and encrypted mode."
    )
    mode: Literal["auto", "plain", "compatible", "encrypted"] = Field(
        "auto", description="As set at WeChat. auto: encrypted if there is a key, else plain."
    )
    template: str = Field(
        "",
        description="Id of a template for notices outside the 48 h reply window; its keywords: first, keyword1, remark.",
    )
    accounts: dict[str, Account] = Field(
        default_factory=dict,
        description='More accounts as JSON by name, with the same fields: {"north": {"token": ...}}; callback at /wechat/NAME.',
    )
    api_url: str = Field("https://api.weixin.qq.com", description="Where WeChat's API is.")
    api_timeout: float = Field(10.0, description="s that one call of the API may take.")
    fresh_seconds: int = Field(300, description="s that a callback's timestamp may differ from our clock.")
    body_limit: int = Field(256 * 1024, description="Bytes of a callback.")
    media_limit: int = Field(30 * 1024 * 1024, description="Bytes of one picture, voice or video.")
    picture_hosts: str = Field(
        "qpic.cn qlogo.cn",
        description="Domains that a picture may be fetched from without the API, separated by spaces.",
    )
    welcome: str = Field(
        "您好，这里是售后服务。请直接描述故障、设备和地址，也可以发送语音、照片或位置。",
        description="Answer to somebody who follows the account. Empty: none.",
    )
    scanned: str = Field(
        "已识别设备 {code}。请描述故障现象，也可以发送语音或照片。",
        description="Answer to the scan of an asset's code; {code} stands for it. Empty: none.",
    )
    reply_window: float = Field(48.0, description="h after a follower's last message in which a free text may be sent.")


def account(name: str = "main") -> Account:
    """The account of that name; raises NotFound if there is none."""
    config = settings.get(WeChatSettings)
    if name == "main" and config.token.get_secret_value():
        return Account(
            name="main",
            token=config.token,
            app_id=config.app_id,
            secret=config.secret,
            aes_key=config.aes_key,
            mode=config.mode,
            template=config.template,
        )
    if name in config.accounts:
        return config.accounts[name].model_copy(update={"name": name})
    raise NotFound("There is no such official account.")


def account_names() -> list[str]:
    """The names of all accounts, the main one first."""
    config = settings.get(WeChatSettings)
    return (["main"] if config.token.get_secret_value() else []) + list(config.accounts)
