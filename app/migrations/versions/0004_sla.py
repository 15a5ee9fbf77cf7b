"""Promised times."""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sla_document",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("at", core.db.Aware(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "version"),
    )
    op.create_table(
        "sla_clock",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("rule", sa.String(length=60), nullable=False),
        sa.Column("calendar", sa.String(length=60), nullable=False),
        sa.Column("target", sa.Integer(), nullable=False),
        sa.Column("stretches", sa.JSON(), nullable=False),
        sa.Column("started", core.db.Aware(timezone=True), nullable=False),
        sa.Column("stopped", core.db.Aware(timezone=True), nullable=True),
        sa.Column("due", core.db.Aware(timezone=True), nullable=True),
        sa.Column("uncertain", sa.Integer(), nullable=True),
        sa.Column("warned", sa.Integer(), nullable=False),
        sa.Column("breached", core.db.Aware(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ticket_id", "name", "round"),
    )
    with op.batch_alter_table("sla_clock", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sla_clock_state"), ["state"], unique=False)
        batch_op.create_index(batch_op.f("ix_sla_clock_ticket_id"), ["ticket_id"], unique=False)

    op.create_table(
        "sla_note",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("clock_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("at", core.db.Aware(timezone=True), nullable=False),
        sa.Column("text", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["clock_id"], ["sla_clock.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("clock_id", "key"),
    )
    with op.batch_alter_table("sla_note", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sla_note_clock_id"), ["clock_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("sla_note", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sla_note_clock_id"))

    op.drop_table("sla_note")
    with op.batch_alter_table("sla_clock", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sla_clock_ticket_id"))
        batch_op.drop_index(batch_op.f("ix_sla_clock_state"))

    op.drop_table("sla_clock")
    op.drop_table("sla_document")
