"""Alembic's entry: one connection, one transaction for all migrations."""

from alembic import context

from app import wiring
from core.db import Base, Database

wiring.import_tables()
database = Database(context.config.attributes["url"])
try:
    with database.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=database.sqlite,
            compare_type=True,
            transaction_per_migration=False,
            user_module_prefix="core.db.",
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
finally:
    database.close()
