"""``hotline retention`` and ``hotline seal``: what is kept, for how long, and under which key."""

from __future__ import annotations

import base64
import secrets
from collections import Counter
from typing import Annotated

import typer

from app import wiring
from core import blobs, keyring, settings
from core.errors import HotlineError
from intake import retention

retention_app = typer.Typer(help="See and carry out what the policy of retention deletes.", no_args_is_help=True)
seal_app = typer.Typer(help="Encryption of contents on disk: status, change of keys.", no_args_is_help=True)


def command(name: str) -> typer.Typer | None:
    """The group of this name."""
    return {"retention": retention_app, "seal": seal_app}.get(name)


@retention_app.command()
def show() -> None:
    """Say what a run would delete now; deletes nothing."""
    policy = retention.days()
    print("policy: " + (", ".join(f"{kind} {number} days" for kind, number in policy.items()) or "everything is kept"))
    going: Counter[str] = Counter()
    staying: Counter[str] = Counter()
    for one in retention.due(policy):
        for kind in one.kinds:
            if one.stays:
                staying[f"{kind}: {one.stays}"] += 1
            else:
                going[kind] += 1
    for kind, number in sorted(going.items()):
        print(f"to be deleted  {kind} of {number} messages")
    for kind, number in sorted(staying.items()):
        print(f"stays          {kind} ({number} messages)")


@retention_app.command()
def run() -> None:
    """Delete what is over its days now, as the daily run does."""
    policy = retention.days()
    wiring.guard_contents()
    found = [one for one in retention.due(policy) if not one.stays]
    why = ", ".join(f"{kind} {number} days" for kind, number in sorted(policy.items()))
    print(f"contents of {retention.delete(found, 'command line', why)} messages were deleted")


@retention_app.command()
def erase(
    customer: Annotated[int, typer.Option(help="The customer's number.")],
    reason: Annotated[str, typer.Option(help="Why, for the audit trail.")],
) -> None:
    """Delete every recording, original and attachment that came from a customer, with their keys, whatever their age."""
    wiring.guard_contents()
    done, stay = retention.erase_customer(customer, "command line", reason)
    print(f"contents of {done} messages were deleted")
    if stay:
        print(f"contents of {stay} messages stay: their ticket is held or under way, or they came within the last hour")
        raise typer.Exit(1)


@seal_app.command()
def status() -> None:
    """Say how many contents are sealed, and with which keys."""
    from connectors.sip.recording import growing
    from connectors.sip.settings import SipSettings

    store = blobs.store()
    sealed = Counter(identity for _, identity in store.wrapped())
    clear = sum(not store.is_sealed(reference) for reference in store)
    known = keyring.keys()
    for number, key in enumerate(known):
        wraps = ", seals new contents" if not number else ""
        print(f"key {keyring.identity(key)}: {sealed.pop(keyring.identity(key), 0)} contents{wraps}")
    for identity, count in sealed.items():
        print(f"key {identity}: {count} contents; NOT AT HAND")
    print(f"in the clear: {clear}")
    directory = settings.get(SipSettings).recordings
    at_hand = {keyring.identity(one) for one in known}
    for identity, count in sorted(Counter(identity for _, identity in growing(directory)).items()):
        named = f"key {identity}" if identity else "in the clear"
        missing = "; NOT AT HAND" if identity and identity not in at_hand else ""
        print(f"{named}: {count} files of calls that go on or were left behind{missing}")


@seal_app.command()
def rewrap() -> None:
    """Wrap every content's key with the first of HOTLINE_SEAL_KEYS; then older keys can be taken out."""
    store = blobs.store()
    current = keyring.identity(keyring.keys()[0])
    done, failed = 0, 0
    for reference, identity in store.wrapped():
        if identity == current:
            continue
        try:
            store.rewrap(reference)
            done += 1
        except HotlineError as error:
            failed += 1
            print(f"{reference}: {error.message}")
    print(f"{done} keys were wrapped with {current}")
    if failed:
        raise typer.Exit(1)


@seal_app.command()
def old() -> None:
    """Seal contents that lie in the clear, from before sealing was on."""
    store = blobs.store()
    found = [reference for reference in store if not store.is_sealed(reference)]
    for reference in found:
        store.seal(reference)
    print(f"{len(found)} contents were sealed")


@seal_app.command()
def key(new: Annotated[bool, typer.Option("--new", help="Make a new one.")] = False) -> None:
    """Print the key that is derived from the installation's secret, or a new one, for HOTLINE_SEAL_KEYS."""
    print(base64.b64encode(secrets.token_bytes(32) if new else keyring.derived()).decode())
