"""The demo's customers: each speaks its channel's protocol to the running system, as a stranger would."""

from __future__ import annotations

import re
import smtplib
import subprocess
import sys
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from html import escape
from pathlib import Path
from zoneinfo import ZoneInfo

import requests
from wechatpy.crypto import WeChatCrypto
from wechatpy.utils import WeChatSigner, random_string

from app.demo import script
from connectors.webform import tokens
from core import clock

SAMPLES = Path(__file__).parent / "samples"
OPENID = "oDemo-zhang-min-0001"


@dataclass(frozen=True, kw_only=True)
class Entrances:
    """Where the running system listens."""

    web: str
    smtp_port: int
    sip_port: int
    wechat_token: str
    wechat_key: str
    wechat_app: str


def call(entrances: Entrances) -> subprocess.Popen[str]:
    """Starts a separate SIP process that calls and speaks in real time; its standard output tells how far it is."""
    return subprocess.Popen(
        [
            sys.executable,
            *("-m", "connectors.sip.softphone"),
            f"sip:400@127.0.0.1:{entrances.sip_port}",
            str(SAMPLES / "call.wav"),
            *("--caller", script.CALLER, "--after", "0.5"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def wechat(entrances: Entrances, kind: str, number: int, **content: str) -> requests.Response:
    """One signed and encrypted callback, as WeChat sends it."""
    moment = int(clock.now().timestamp())
    inner = {
        "ToUserName": "gh_demo",
        "FromUserName": OPENID,
        "CreateTime": str(moment),
        "MsgType": kind,
        **content,
        "MsgId": str(24_000_000_000_000_000 + moment * 100 + number),
    }
    xml = "<xml>" + "".join(f"<{name}>{escape(value)}</{name}>" for name, value in inner.items()) + "</xml>"
    nonce, timestamp = random_string(), str(moment)
    crypto = WeChatCrypto(entrances.wechat_token, entrances.wechat_key, entrances.wechat_app)
    body = crypto.encrypt_message(xml, nonce, timestamp)
    sealed = re.search(r"<MsgSignature><!\[CDATA\[(.*?)\]\]>", body)
    signer = WeChatSigner()
    signer.add_data(entrances.wechat_token, timestamp, nonce)
    query = {
        "signature": signer.signature,
        "timestamp": timestamp,
        "nonce": nonce,
        "openid": OPENID,
        "encrypt_type": "aes",
        "msg_signature": sealed.group(1) if sealed else "",
    }
    answer = requests.post(f"{entrances.web}/wechat", params=query, data=body.encode(), timeout=10)
    answer.raise_for_status()
    return answer


def mail(entrances: Entrances) -> None:
    """A mail in GB18030 with an attachment and quoted older mail; returns when the server has said 250."""
    moment = clock.now().astimezone(ZoneInfo("Asia/Shanghai"))
    message = EmailMessage(policy=SMTP)
    message["From"] = "陈志强 <chen.zhiqiang@customer.example>"
    message["To"] = "service@hotline.example"
    message["Subject"] = script.MAIL_SUBJECT
    message["Date"] = format_datetime(moment)
    message["Message-ID"] = make_msgid(domain="customer.example")
    message.set_content(script.MAIL_TEXT, charset="gb18030", cte="base64")
    picture = (SAMPLES / "leak.png").read_bytes()
    message.add_attachment(picture, maintype="image", subtype="png", filename="前台打印机.png")
    with smtplib.SMTP("127.0.0.1", entrances.smtp_port, timeout=30) as server:
        server.send_message(message)


def form(entrances: Entrances) -> str:
    """Opens the form page, fills it in as a browser would, and returns the receipt's address."""
    browser = requests.Session()
    address = f"{entrances.web}/form/repair"
    page = browser.get(address, timeout=10)
    page.raise_for_status()
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    bits = re.search(r'data-bits="(\d+)"', page.text)
    hidden["work"] = tokens.prove(hidden["token"], int(bits.group(1)) if bits else 0)
    inputs = {**hidden, "website": "", **script.FORM_INPUTS}
    files = [("files", ("现场.png", (SAMPLES / "leak.png").read_bytes(), "image/png"))]
    answer = browser.post(address, data=inputs, files=files, timeout=30)
    answer.raise_for_status()
    return answer.url
