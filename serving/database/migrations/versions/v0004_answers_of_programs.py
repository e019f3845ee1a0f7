"""A program may answer for a doctor: then no account did."""

import sqlalchemy as sa
from alembic import op

revision = "v0004"
down_revision = "v0003"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Lets the account of an answer be empty."""
    with op.batch_alter_table("recognition") as table:
        table.alter_column("account_id", existing_type=NUMBER, nullable=True)


def downgrade() -> None:
    """Gives answers of programs to account 0, which is nobody's."""
    op.execute(sa.text("UPDATE recognition SET account_id = 0 WHERE account_id IS NULL"))
    with op.batch_alter_table("recognition") as table:
        table.alter_column("account_id", existing_type=NUMBER, nullable=False)
