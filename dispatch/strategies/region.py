"""Whether the place lies in the engineer's region."""

from __future__ import annotations

from dispatch.job import Contender, Job, Verdict
from sla import words


def weigh(job: Job, contender: Contender) -> Verdict | None:
    """15 points for the district, 10 for the city, 5 for the province; excluded outside."""
    if not job.place.code:
        return Verdict(text=words("地址区划未知，不按区域排除", "region of the address unknown, not weighed"))
    if not contender.regions:
        return Verdict(text=words("不限区域", "works everywhere"), points=3.0)
    fitting = [region for region in contender.regions if job.place.code.startswith(region)]
    if not fitting:
        # The address may be known only as a city while the engineer has districts of that city.
        within = [region for region in contender.regions if region.startswith(job.place.code)]
        if within:
            return Verdict(
                text=words("地址只到市级，工程师在该市", "address known to the city only, where they work"), points=4.0
            )
        return Verdict(text=words("不在负责区域内", "outside their region"), excluded=True)
    best = max(fitting, key=len)
    points = {2: 5.0, 4: 10.0}.get(len(best), 15.0)
    return Verdict(text=words(f"负责该区域（{best}）", f"looks after the region {best}"), points=points)
