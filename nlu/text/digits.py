"""Numbers as they are spoken: 幺三八, 三百二十一, 二十二, 八千零五."""

from __future__ import annotations

DIGIT = {
    "零": "0", "〇": "0", "洞": "0", "一": "1", "幺": "1", "腰": "1", "妖": "1", "邀": "1", "壹": "1", "二": "2", "两": "2", "贰": "2",
    "俩": "2", "三": "3", "叁": "3", "仨": "3", "四": "4", "肆": "4", "五": "5", "伍": "5", "六": "6", "陆": "6", "七": "7", "柒": "7",
    "拐": "7", "八": "8", "捌": "8", "九": "9", "玖": "9", "勾": "9",
}  # fmt: skip
DIGIT.update({str(n): str(n) for n in range(10)})
DIGIT.update({chr(0xFF10 + n): str(n) for n in range(10)})
# The characters that count as digits without any context; the homophones of 幺 and the radio words need a run around them.
PLAIN = "0123456789零〇一幺二两三四五六七八九"
UNITS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
LARGE = {"万": 10_000, "亿": 100_000_000}


def spoken_digits(text: str) -> str:
    """The digits of a run read one by one, anything else dropped: 幺三八 零零 -> 13800."""
    return "".join(DIGIT[c] for c in text if c in DIGIT)


def number(text: str) -> str | None:
    """Arabic digits of one spoken number, or None when it is none.

    Read digit by digit (一零零三 -> 1003, leading zeros kept) or by value (三百二十 -> 320, 二百五 -> 250, 十二 -> 12).
    """
    if not text:
        return None
    if all(c in DIGIT for c in text):
        return spoken_digits(text)
    total = section = 0
    digit: int | None = None
    last_unit = 1
    for c in text:
        if c in DIGIT:
            if digit not in (None, 0):
                return None  # 三五百: no number anybody says
            digit = int(DIGIT[c])
            if digit == 0:
                last_unit = 10  # 一百零五: the next digit counts ones
        elif c in UNITS:
            last_unit = UNITS[c]
            section += (1 if digit is None else digit) * last_unit
            digit = None
        elif c in LARGE:
            last_unit = LARGE[c]
            total += (section + (digit or 0)) * last_unit
            section, digit = 0, None
        else:
            return None
    if digit:
        section += digit * (last_unit // 10 if last_unit >= 100 else 1)  # 二百五 is 250, 一百零五 is 105
    return str(total + section)
