"""pjsua2 set up as a pjsua2 process needs it."""

from __future__ import annotations

import ctypes
from typing import Any

import pjsua2 as pj

from connectors.sip import wire


def configure(endpoint: Any, event: dict[str, Any]) -> int:
    """Starts the library; the number of its UDP transport."""
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.uaConfig.maxCalls = event["calls"]
    config.uaConfig.userAgent = event["agent"]
    config.medConfig.threadCnt = 1
    config.medConfig.clockRate = wire.RATE
    config.medConfig.sndClockRate = wire.RATE
    config.medConfig.channelCount = 1
    config.medConfig.audioFramePtime = wire.FRAME_MS
    config.medConfig.noVad = True
    config.medConfig.ecTailLen = 0
    # pjmedia's own choice throws away 8 % of the frames at 30 ms of jitter, to save 20 ms of delay; a recogniser
    # needs every frame and no haste: at least 100 ms are waited for, which leaves 0.6 %.
    config.medConfig.jbInit = config.medConfig.jbMinPre = 100
    config.medConfig.jbMaxPre, config.medConfig.jbMax = 240, 500
    _keep_every_frame(config.medConfig)
    config.logConfig.level = event.get("log", 0)
    config.logConfig.consoleLevel = event.get("log", 0)
    endpoint.libInit(config)
    endpoint.audDevManager().setNullDev()
    transport = pj.TransportConfig()
    transport.boundAddress = event.get("bind", "127.0.0.1")
    transport.port = event.get("port", 0)
    number = int(endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport))
    endpoint.libStart()
    _choose_codecs(endpoint, event["codecs"])
    return number


def _keep_every_frame(media: Any) -> None:
    """Lets the jitter buffer stay as long as it has become. To become shorter again it leaves out pieces of what is said: at
    30 ms of jitter and 1 % of loss that is every tenth stretch of 400 ms, on a busy machine some without any jitter. A
    recogniser minds more than a listener minds the delay, which jbMax bounds."""
    algorithm = media.jbDiscardAlgo  # the wheel gives the enumeration as a pointer
    place = ctypes.c_int.from_address(int(algorithm))
    if place.value in (1, 2):  # PJMEDIA_JB_DISCARD_STATIC, _PROGRESSIVE; anything else is a build that we do not know
        place.value = 0  # _NONE
        media.jbDiscardAlgo = algorithm
    algorithm.disown()


def _choose_codecs(endpoint: Any, wanted: list[str]) -> None:
    ranks = {name.lower(): 250 - at for at, name in enumerate(wanted)}
    for codec in endpoint.codecEnum2():
        name, rate = codec.codecId.lower().split("/")[:2]
        fits = rate == ("16000" if name == "g722" else "8000") or name not in ("speex", "l16")
        endpoint.codecSetPriority(codec.codecId, ranks.get(name, 0) if fits else 0)


def account(event: dict[str, Any]) -> Any:
    """The account that takes and makes calls. What it sends goes by the front (``proxy``)."""
    config = pj.AccountConfig()
    config.idUri = event["contact"]
    config.sipConfig.contactForced = event["contact"]
    if proxy := event.get("proxy"):
        config.sipConfig.proxies.push_back(f"sip:{proxy};lr")
    for user, password in event.get("credentials", ()):
        config.sipConfig.authCreds.push_back(pj.AuthCredInfo("digest", "*", user, 0, password))
    config.natConfig.contactRewriteUse = 0
    config.natConfig.viaRewriteUse = 0
    config.natConfig.sdpNatRewriteUse = 0
    config.natConfig.sipOutboundUse = 0
    media = config.mediaConfig
    media.transportConfig.port = event["rtp_port"]
    media.transportConfig.portRange = event["rtp_ports"]
    media.transportConfig.publicAddress = event["address"]
    media.transportConfig.boundAddress = event.get("rtp_bind", "")
    media.srtpUse = {
        "off": pj.PJMEDIA_SRTP_DISABLED,
        "optional": pj.PJMEDIA_SRTP_OPTIONAL,
        "required": pj.PJMEDIA_SRTP_MANDATORY,
    }[event.get("srtp", "off")]
    media.srtpSecureSignaling = 0
    return config
