"""Messages of tickets under way that nobody has opened, and wishes to cancel or reschedule."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("ticket", schema=None) as batch_op:
        batch_op.add_column(sa.Column("unread", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("wish", sa.String(length=12), nullable=True))
        batch_op.add_column(sa.Column("wish_entry", sa.Integer(), nullable=True))
        batch_op.create_index(batch_op.f("ix_ticket_unread"), ["unread"], unique=False)
        batch_op.create_index(batch_op.f("ix_ticket_wish"), ["wish"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("ticket", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ticket_wish"))
        batch_op.drop_index(batch_op.f("ix_ticket_unread"))
        batch_op.drop_column("wish_entry")
        batch_op.drop_column("wish")
        batch_op.drop_column("unread")
