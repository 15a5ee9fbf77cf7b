"""The telephone as a connector."""

from __future__ import annotations

from connectors.registry import Connector


async def _serve() -> None:
    from connectors.sip.process import serve

    await serve()


def prepare() -> None:
    """Every process that ends sessions or keeps promises must know how."""
    from connectors.sip import calling, recognition
    from connectors.sip.ending import message_of_call, salvage
    from intake import on_end

    on_end("sip", message_of_call, salvage)
    _ = recognition.recognise, calling.call_out


connector = Connector(name="sip", title=("电话", "Telephone"), serve={"voice": _serve}, prepare=prepare)
