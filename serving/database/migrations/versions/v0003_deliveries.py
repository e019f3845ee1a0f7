"""The digest of each image's data set, and an index by which each receiver finds its own messages."""

import sqlalchemy as sa
from alembic import op

revision = "v0003"
down_revision = "v0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column, empty, and makes the index anew."""
    op.add_column("instance", sa.Column("data_set_digest", sa.String(length=64), nullable=True))
    op.drop_index("outbox_to_send", "outbox")
    op.create_index("outbox_to_send", "outbox", ["kind", "target", "state", "next_at"])


def downgrade() -> None:
    """Drops the column, and makes the index as it was."""
    op.drop_index("outbox_to_send", "outbox")
    op.create_index("outbox_to_send", "outbox", ["state", "next_at"])
    op.drop_column("instance", "data_set_digest")
