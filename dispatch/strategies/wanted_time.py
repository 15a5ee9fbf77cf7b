"""Whether the engineer works when the customer wants the visit, or else soon."""

from __future__ import annotations

from datetime import timedelta

from dispatch.job import Contender, Job, Verdict
from sla import NoBusinessTime, UnannouncedYear, Words, words

SOON = timedelta(days=2)


def weigh(job: Job, contender: Contender) -> Verdict | None:
    """10 points if at work in the customer's window (or now, in an emergency); excluded if away in all of it."""
    start, end = job.wanted or (job.now, job.now + SOON)
    start = max(start, job.now)
    end = max(end, start + timedelta(minutes=1))
    for leaves, back, reason in contender.leaves:
        if leaves <= start and end <= back:
            return Verdict(text=words(f"请假：{reason or '不在岗'}", f"on leave: {reason or 'away'}"), excluded=True)
    if contender.hours is None:
        return Verdict(text=words("随时可上门", "at work at any time"), points=8.0)
    hours = contender.hours
    try:
        working = _measure(hours.measure(start, end) if job.wanted else None)
        open_now = hours.is_open(job.now)
    except UnannouncedYear:
        hours = hours.as_tentative()
        working, open_now = _measure(hours.measure(start, end) if job.wanted else None), hours.is_open(job.now)
    if job.wanted:
        if working:
            return Verdict(text=words("客户希望的时间在岗", "at work when the customer wants the visit"), points=10.0)
        return Verdict(text=words("客户希望的时间不在岗", "off duty when the customer wants the visit"), excluded=True)
    if open_now:
        return Verdict(text=words("现在在岗", "at work now"), points=10.0)
    if job.emergency:
        return Verdict(text=words("现在不在岗", "off duty now"), points=-15.0)
    try:
        begins = hours.as_tentative().next_opening(job.now)
    except NoBusinessTime:
        return Verdict(text=words("没有排班", "has no shifts"), excluded=True)
    return Verdict(text=_next_shift(begins - job.now), points=5.0 if begins - job.now <= SOON else 0.0)


def _measure(span: timedelta | None) -> bool:
    return span is not None and span > timedelta()


def _next_shift(wait: timedelta) -> Words:
    hours = wait.total_seconds() / 3600
    return words(f"{hours:.0f} 小时后上班", f"at work in {hours:.0f} h")
