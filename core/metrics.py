"""Prometheus metrics that belong to no single room. Several processes of one machine share a directory of values."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.outbox import PromiseRow

promises = Counter("hotline_promises", "Promises by kind and result (done, retry, failed).", ["kind", "result"])
promise_delay = Histogram(
    "hotline_promise_delay_seconds",
    "From a promise's due time to its effects.",
    ["kind"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300),
)
outbox_rows = Gauge(
    "hotline_outbox_rows", "Unfinished and failed promises by state.", ["state"], multiprocess_mode="mostrecent"
)
messages = Counter("hotline_messages", "Messages taken in by channel and whether they were new.", ["channel", "result"])
refused = Counter("hotline_refused", "Requests refused at an entrance, by entrance and reason.", ["entrance", "reason"])


def count_outbox(session: Session) -> None:
    counts = dict.fromkeys(("waiting", "queued", "running", "failed"), 0)
    rows = session.execute(
        select(PromiseRow.state, func.count().label("number"))
        .where(PromiseRow.state.in_(tuple(counts)))
        .group_by(PromiseRow.state)
    )
    counts.update({row.state: row.number for row in rows})
    for state, number in counts.items():
        outbox_rows.labels(state).set(number)
