"""Money: integer fen. A share of an amount is rounded half to even to a whole fen, so that many shares do not drift."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from core.errors import InvalidInput

Fen = int
MAX = 1_000_000_000_00  # a billion yuan: beyond it somebody has mistyped


def share(amount: Fen, factor: Decimal) -> Fen:
    """``amount`` times ``factor`` in whole fen, halves to the even fen."""
    return int((Decimal(amount) * factor).to_integral_value(ROUND_HALF_EVEN))


def percent(amount: Fen, rate: Decimal | int | str) -> Fen:
    """``rate`` percent of ``amount``."""
    return share(amount, Decimal(rate) / 100)


def yuan(written: object) -> Fen:
    """Fen of an amount written in yuan (``80``, ``"12.50"``). Raises InvalidInput for more than two decimals."""
    try:
        exact = Decimal(str(written)) * 100
    except ArithmeticError:
        raise InvalidInput("This is no amount of money.", amount=str(written)) from None
    if not exact.is_finite() or exact != exact.to_integral_value() or abs(exact) > MAX:
        raise InvalidInput("An amount is in yuan with at most two decimals.", amount=str(written))
    return int(exact)


def show(amount: Fen) -> str:
    """¥1,234.50; -¥0.05."""
    whole, cents = divmod(abs(amount), 100)
    return f"{'-' if amount < 0 else ''}¥{whole:,}.{cents:02d}"
