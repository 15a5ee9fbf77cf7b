"""The installation's secret key when many want it at once, for the first time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from core import secrets, settings


def test_threads_that_make_the_key_at_once_have_the_same(tmp_path: Path) -> None:
    for attempt in range(20):
        settings.use(settings.CoreSettings(data_dir=tmp_path / str(attempt)))
        together = threading.Barrier(8)

        def one(together: threading.Barrier = together) -> bytes:
            together.wait()
            return secrets.key("test")

        with ThreadPoolExecutor(8) as pool:
            keys = {future.result() for future in [pool.submit(one) for _ in range(8)]}
        assert keys == {secrets.key("test")}
        assert [path.name for path in (tmp_path / str(attempt)).iterdir()] == ["secret.key"]
