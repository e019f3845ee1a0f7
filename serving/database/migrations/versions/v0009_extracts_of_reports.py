"""Beside each report lies what a replay reads of it; of a report that is there already the replay reads the whole."""

import sqlalchemy as sa
from alembic import op

revision = "v0009"
down_revision = "v0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes room for extracts."""
    op.add_column("report", sa.Column("extract", sa.LargeBinary(), nullable=True))
    op.add_column("report", sa.Column("extract_form", sa.String(length=16), nullable=True))


def downgrade() -> None:
    """Drops the extracts: the reports hold all that they said."""
    op.drop_column("report", "extract_form")
    op.drop_column("report", "extract")
