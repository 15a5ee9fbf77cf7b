"""Words of danger to people or property now: gas, fire, smoke, electric shock, flooding, trapped persons (GUIDELINES: urgency)."""

from __future__ import annotations

import re

_SIGNS = {
    "gas": r"(?:硫化氢|氨气?|氯气|沼气|甲烷|氟利昂|制冷剂|毒气|臭氧|一氧化碳)(?:味|泄漏|泄露|漏|在漏|报警|检测|超标|浓度)|呛得|刺鼻|汽油味|柴油味|油味|(?:煤气|燃气|天然气|液化气|瓦斯|石油气)(?:味|泄漏|泄露|漏|在漏)|漏(?:煤|燃|天然|液化)?气|臭鸡蛋味|一氧化碳|煤气中毒|爆燃|窜火|(?:煤气|燃气|气|胶)管.{0,4}(?:断|破|裂|脱|掉)|嘶嘶.{0,3}气",
    "fire": r"着火|起火|着了火|走水了|火苗|失火|烧起来|冒火|火花|火星|明火|打火花|燃烧|烧着了|烧焦|焦味|焦糊|糊味|烧糊|胶皮味|塑料味|爆炸|炸了|爆了|爆燃|嘭的?一[下声]|砰的?一[下声]|烧红|发红|通红|烧起|噼里啪啦|滋滋冒|熔|化了一",
    "smoke": r"冒.{0,3}烟|浓烟|黑烟|白烟|青烟|一股烟",
    "shock": r"漏电|触电|电人|带电|麻手|麻了一下|电了一下|被电|电到|电着|电倒|手.{0,2}麻|把.{1,4}电了",
    "flood": r"爆管|爆裂|爆水|倒灌|水[快就]?要?[到进淹漫]|积水|漫[到出过进]|满出来|泄漏|水漫|淹|喷水|(?:哗哗|呼呼|哗啦).{0,4}(?:流|漏|冒|喷|涌)|关不[上住死紧]|止不住|水帘|(?:配电|电箱|电柜|插座).{0,4}(?:水|湿)|管.{0,3}爆|往.{0,6}(?:灌|涌)",
    "trapped": r"半空|吊着|挂着|悬着|钢丝绳.{0,4}(?:断|散|松)|下面.{0,6}(?:有人|走人)|滑下来|砸|倒下来|掉下来|头晕|恶心|喘不|没气|呼吸机|困.{0,4}人|被困|困在|人困|关在(?:里|电梯|梯)|关到.{0,4}人|出不来|困住|困了|夹到|夹住|夹人|坠落|急坠|冲顶|蹲底|掉下去|人.{0,3}在里[面头]|里[面头]有.{0,6}人|里[面头](?:还)?(?:困|关)",
    "strong": r"救命|出人命|危险|119|消防队|疏散|撤|不敢(?:进|碰|靠|动|开|睡|住|出|点)|救护车|一一九|幺幺九|110|120|跑出来|往外跑|都跑|躲|总阀|总闸|关.{0,2}阀|拉.{0,2}闸|断电了|晕倒|昏|受伤|烫伤",
}
_PATTERNS = {name: re.compile(pattern) for name, pattern in _SIGNS.items()}
_NEGATED = re.compile(r"(?:没有?|无|不|未|防|会不会|以免|担心|是否)$")


def danger_signs(text: str) -> set[str]:
    """Which dangers the reading names; one right after a negation does not count."""
    found = set()
    for name, pattern in _PATTERNS.items():
        for match in pattern.finditer(text):
            if not _NEGATED.search(text[max(0, match.start() - 4) : match.start()]):
                found.add(name)
                break
    return found
