"""Whether the engineer can do it and may do it."""

from __future__ import annotations

from dispatch.job import Contender, Job, Verdict
from sla import words


def weigh(job: Job, contender: Contender) -> Verdict | None:
    """Up to 25 points; excluded without any fitting skill or without a needed certificate."""
    lacking = sorted(job.certificates - contender.certificates)
    if lacking:
        names = "、".join(lacking)
        return Verdict(text=words(f"缺少证书：{names}", f"lacks the certificate {', '.join(lacking)}"), excluded=True)
    if not job.skills:
        return Verdict(text=words("设备类别未知，不按技能排除", "device unknown, skills were not weighed"))
    shared = sorted(job.skills & contender.skills)
    if shared:
        exact = min(len(shared), 2)
        return Verdict(
            text=words(f"技能匹配：{'、'.join(shared)}", f"skilled in {', '.join(shared)}"), points=15.0 + 5.0 * exact
        )
    if "*" in contender.skills:
        return Verdict(text=words("通用技能", "trained for all devices"), points=12.0)
    wanted = sorted(job.skills)
    return Verdict(
        text=words(f"没有所需技能：{'、'.join(wanted)}", f"not skilled in {', '.join(wanted)}"), excluded=True
    )
