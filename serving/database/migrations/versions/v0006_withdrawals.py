"""A withdrawal lasts until it is lifted, and an entry of the pool names the device that it was made with."""

import sqlalchemy as sa
from alembic import op

revision = "v0006"
down_revision = "v0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the columns; of entries that are there already no device is known."""
    op.add_column("study", sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("study", sa.Column("withdrawn_by", sa.String(length=100), nullable=True))
    op.add_column("study", sa.Column("withdrawn_reason", sa.String(length=500), nullable=True))
    op.add_column("pool_entry", sa.Column("device", sa.String(length=16), nullable=True))


def downgrade() -> None:
    """Drops them: a study that was withdrawn enters the pool again with its next verdict that passes."""
    op.drop_column("pool_entry", "device")
    for column in ("withdrawn_reason", "withdrawn_by", "withdrawn_at"):
        op.drop_column("study", column)
