"""The company's WeCom: its application, its 微信客服 accounts, its group robots."""

from __future__ import annotations

from pydantic import Field, SecretStr

from core import settings


class WeComSettings(settings.Section, prefix="WECOM"):
    """WeCom (企业微信). The callback address to enter there is PUBLIC_URL/wecom."""

    corp_id: str = Field("", description="企业 ID. Empty: no WeCom.")
    token: SecretStr = Field(SecretStr(""), description="Token of the callback settings.")
    aes_key: SecretStr = Field(SecretStr(""), description="EncodingAESKey of the callback settings, 43 characters.")
    secret: SecretStr = Field(SecretStr(""), description="Secret of the application; fetches media, sends messages.")
    agent_id: int = Field(0, description="AgentId of the application that messages are sent as.")
    kf_secret: SecretStr = Field(
        SecretStr(""), description="Secret of 微信客服, if it is not the application's; reads and answers its messages."
    )
    robots: dict[str, SecretStr] = Field(
        default_factory=dict,
        description='Group robots by team name as JSON: {"default": "KEY"}; they tell a group of new and pressing tickets.',
    )
    robot_purposes: str = Field(
        "warning escalation unassigned", description="Purposes of notices that group robots tell, separated by spaces."
    )
    api_url: str = Field("https://qyapi.weixin.qq.com", description="Where WeCom's API is.")
    api_timeout: float = Field(10.0, description="s that one call of the API may take.")
    fresh_seconds: int = Field(300, description="s that a callback's timestamp may differ from our clock.")
    body_limit: int = Field(256 * 1024, description="Bytes of a callback.")
    media_limit: int = Field(30 * 1024 * 1024, description="Bytes of one picture, voice, video or file.")
