"""An entry of the pool names who made its study, so that the policy's list of the suspended reaches it."""

import sqlalchemy as sa
from alembic import op

revision = "v0010"
down_revision = "v0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes room for names; an entry that is there already is known by its hospital's name alone."""
    op.add_column("pool_entry", sa.Column("institutions", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Drops the names."""
    op.drop_column("pool_entry", "institutions")
