"""Settings of the telephone channel."""

from __future__ import annotations

import socket
from ipaddress import ip_network
from pathlib import Path

from pydantic import BaseModel, Field, SecretStr, field_validator

from core import settings

LINES = 4  # calls a pjsua2 process carries; the wheel is built with this limit


class Account(BaseModel):
    """A registration with a PBX or trunk. ``registrar`` and ``proxies`` are host or host:port; the proxies are tried in
    order when the one before does not answer."""

    user: str
    password: SecretStr = SecretStr("")
    registrar: str
    domain: str = ""
    auth_user: str = ""
    proxies: tuple[str, ...] = ()
    expires: int = Field(300, ge=30, le=86_400)

    @property
    def realm(self) -> str:
        """The domain of the address of record."""
        return self.domain or self.registrar.partition(":")[0]


class SipSettings(settings.Section, prefix="SIP"):
    """The telephone channel: `hotline voice`."""

    host: str = Field(
        "127.0.0.1", description="Address on which calls are taken; 0.0.0.0 for every one of the machine's."
    )
    port: int = Field(5060, ge=0, le=65535, description="UDP port on which calls are taken. 0: any free one.")
    public_address: str = Field(
        "", description="Address that PBX and trunk reach us at (Contact, SDP). Empty: host, or the default route's."
    )
    processes: int = Field(2, ge=1, le=64, description="pjsua2 processes; each carries four calls.")
    rtp_port: int = Field(16_384, ge=1024, le=65_000, description="First UDP port of voice; 40 for each process.")
    codecs: tuple[str, ...] = Field(
        ("PCMA", "PCMU", "G722"),
        description="Codecs in order of preference, as JSON: PCMA, PCMU, G722, GSM, iLBC, speex.",
    )
    srtp: str = Field("optional", pattern="^(off|optional|required)$", description="SRTP: off, optional or required.")
    accounts: tuple[Account, ...] = Field(
        (), description='Registrations, as JSON: [{"user":"400","password":"…","registrar":"pbx.example:5060"}].'
    )
    sources: tuple[str, ...] = Field(
        (), description='Networks that may call, as JSON: ["192.0.2.0/24"]. Empty: any. Others get no answer.'
    )
    called: tuple[str, ...] = Field(
        (), description='User parts that are answered, as JSON: ["400*"], * for anything. Empty: any. Others get 404.'
    )
    calls_per_source: int = Field(
        300,
        ge=1,
        description="New calls a minute from one address; more get 503. Single addresses in sources and registrars are exempt.",
    )
    retry_after: int = Field(10, ge=1, description="s in Retry-After when every line is taken.")
    max_call_seconds: int = Field(3600, ge=10, description="Length of a call; then it is ended with what was heard.")
    no_audio_seconds: int = Field(30, ge=2, description="A call whose voice packets stop for so long is ended.")
    ring_seconds: float = Field(0.0, ge=0, le=60, description="How long it rings before it is answered.")
    confirm_seconds: int = Field(
        20, ge=2, description="An answer that nobody confirms (ACK) is taken back after so long."
    )
    last_words_seconds: float = Field(
        1.0, ge=0.1, description="How long the last words may take to be recognised after the caller hung up."
    )
    min_free_mb: int = Field(200, ge=0, description="MB that must be free for recordings, else calls get 503.")
    prompts_dir: Path | None = Field(None, description="Directory of your own prompts (WAV); those shipped otherwise.")
    dialog: str = Field("", description="Dialog that leads the call: a name or a YAML file. Empty: the shipped one.")

    @field_validator("sources")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            ip_network(each, strict=False)
        return value

    @property
    def lines(self) -> int:
        return self.processes * LINES

    @property
    def recordings(self) -> Path:
        """Where running calls are recorded."""
        return settings.get(settings.CoreSettings).data_dir / "recordings"

    def address(self) -> str:
        """The address we put into Contact and SDP."""
        if self.public_address:
            return self.public_address
        if self.host not in ("0.0.0.0", "::", ""):  # noqa: S104  (compared, not bound)
            return socket.gethostbyname(self.host)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(("192.0.2.1", 9))  # sends nothing; only asks which of our addresses the route has
            except OSError:
                return "127.0.0.1"
            return str(probe.getsockname()[0])


class PeopleSettings(settings.Section, prefix="PEOPLE"):
    """Calls between people: callers put through to agents' telephones, the queue, calls that we make."""

    trunk: str = Field(
        "", description="host[:port] where extensions and numbers are called. Empty: the first account's registrar."
    )
    phones_at: tuple[str, ...] = Field(
        (), description='Hosts whose sip:user@host telephones are called directly, as JSON: ["192.0.2.7"]. Empty: none.'
    )
    numbers: tuple[str, ...] = Field(
        ("+86*",), description="Numbers (E.164) that may be called outside, as JSON; * for anything. Empty: none."
    )
    extensions: tuple[str, ...] = Field(
        (),
        description='Extensions beside agents\' own that callers may be given to, as JSON: ["8???"]; * for anything. '
        "Empty: none, for a trunk takes 110 or a forwarding code for an extension too.",
    )
    number_format: str = Field(
        "national", pattern="^(national|e164)$", description="How numbers go to the trunk: national or e164."
    )
    shown_number: str = Field("", description="Our number, shown to those we call. Empty: the first account's user.")
    callers: int = Field(
        0,
        ge=0,
        le=LINES,
        description="Callers of a pjsua2 process's four calls; the rest is for agents' telephones. 0: four, and two as soon "
        "as an agent has a telephone.",
    )
    ring_seconds: float = Field(
        20.0, gt=0, le=120, description="How long an agent's telephone rings before the next's."
    )
    no_answer_rest: float = Field(60.0, ge=0, description="s that a telephone which nobody answered is not rung.")
    wrap_up: float = Field(10.0, ge=0, description="s after a call before an agent is rung again.")
    queue_length: int = Field(10, ge=0, description="Callers who may wait at once; more are asked to be called back.")
    queue_seconds: float = Field(300.0, gt=0, description="How long a caller waits before he is called back instead.")
    announce_seconds: float = Field(40.0, gt=0, description="s between two announcements of a caller's place.")
    minutes_per_call: float = Field(3.0, gt=0, description="Usual length of a call, for the estimate of the wait.")
    call_back: bool = Field(
        True,
        description="Callers who asked for it, or for whom nobody was free, are called back when an agent is free.",
    )
    call_again_minutes: tuple[float, ...] = Field(
        (5, 30, 120), description="Minutes after which a customer who did not answer is called again, as JSON."
    )
