"""The database: SQLite on one machine, PostgreSQL for more. One place for sessions, types and the async crossing.

``read()`` gives a session that cannot write; ``write()`` one that holds the write lock from its first statement, so that
what it read cannot change under it (SQLite: BEGIN IMMEDIATE). The rooms are synchronous; an asyncio edge awaits
``run(function, ...)``, which crosses into a bounded pool of threads.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, ParamSpec, TypeVar

from pydantic import Field
from sqlalchemy import JSON, DateTime, Dialect, Engine, String, TypeDecorator, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from core import settings
from core.errors import TooMany

P = ParamSpec("P")
R = TypeVar("R")


class DatabaseSettings(settings.Section, prefix="DB"):
    """How the database is used."""

    busy_timeout: int = Field(15_000, description="ms to wait for SQLite's write lock before giving up.")
    pool_size: int = Field(8, description="Connections kept open to PostgreSQL by one process.")
    threads: int = Field(8, description="Threads in which asynchronous processes do database work.")
    waiting: int = Field(512, description="Database calls that may wait for a thread before new ones are refused.")


class Aware(TypeDecorator[datetime]):
    """A moment: aware in Python, UTC in the database. Refuses a naive datetime."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time needs its zone, got {value!r}")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Base of every room's tables."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: Aware(),
        dict[str, Any]: JSON(),
        list[Any]: JSON(),
        str: String(),
    }


class Database:
    """One engine and its sessions."""

    def __init__(self, url: str) -> None:
        config = settings.get(DatabaseSettings)
        self.url = make_url(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        if self.sqlite:
            if self.url.database and self.url.database != ":memory:":
                Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
            self.engine = create_engine(
                self.url, hide_parameters=True, connect_args={"timeout": config.busy_timeout / 1000}
            )
            _teach_sqlite(self.engine, config.busy_timeout)
        else:
            self.engine = create_engine(
                self.url,
                hide_parameters=True,  # values are personal data, and errors end in the log
                pool_size=config.pool_size,
                max_overflow=config.pool_size,
                pool_pre_ping=True,
                connect_args={"connect_timeout": 10},
            )
        self._writer = sessionmaker(self.engine, expire_on_commit=False)
        self._reader = sessionmaker(
            self.engine.execution_options(
                hotline_read=True,
                **({} if self.sqlite else {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"}),
            ),
            expire_on_commit=False,
            autoflush=False,
        )

    @contextlib.contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that commits when the block ends and rolls back when it raises."""
        with self._writer() as session, session.begin():
            if self.sqlite:
                session.connection()  # takes the write lock now
            yield session

    @contextlib.contextmanager
    def read(self) -> Iterator[Session]:
        """A snapshot; a write through it fails."""
        with self._reader() as session:
            yield session

    def close(self) -> None:
        self.engine.dispose()


def _teach_sqlite(engine: Engine, busy_timeout: int) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(busy_timeout)}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:
        reading = connection.get_execution_options().get("hotline_read", False)
        connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if reading else 'OFF'}")
        connection.exec_driver_sql("BEGIN DEFERRED" if reading else "BEGIN IMMEDIATE")


_database: Database | None = None
_pool: ThreadPoolExecutor | None = None
_waiting = 0


def database() -> Database:
    """The process's database, opened at first use."""
    global _database
    if _database is None:
        _database = Database(settings.get(settings.CoreSettings).database)
    return _database


def use(replacement: Database | None) -> None:
    """Sets the process's database; None closes and forgets it."""
    global _database
    if _database is not None and _database is not replacement:
        _database.close()
    _database = replacement


def write() -> contextlib.AbstractContextManager[Session]:
    return database().write()


def read() -> contextlib.AbstractContextManager[Session]:
    return database().read()


async def run(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Runs synchronous work of a room in the bounded pool; raises TooMany when too much is waiting already."""
    global _pool, _waiting
    config = settings.get(DatabaseSettings)
    if _pool is None:
        _pool = ThreadPoolExecutor(config.threads, thread_name_prefix="rooms")
    if _waiting >= config.waiting:
        raise TooMany("The system is busy; try again shortly.")
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_pool, lambda: function(*args, **kwargs))
    finally:
        _waiting -= 1


def shut_down() -> None:
    """Waits for the pool's work and closes the database; a process's last act."""
    global _pool
    if _pool is not None:
        _pool.shutdown(wait=True)
        _pool = None
    use(None)
