"""Sessions of people, and failures to sign in."""

import sqlalchemy as sa
from alembic import op

revision = "v0002"
down_revision = "v0001"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Makes both tables."""
    op.create_table(
        "signed_in",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("account_id", NUMBER, nullable=False),
        sa.Column("begun_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_signed_in_account_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("digest", name="pk_signed_in"),
    )
    op.create_index("ix_signed_in_account_id", "signed_in", ["account_id"])
    op.create_table(
        "failed_sign_in",
        sa.Column("name_digest", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name_digest", name="pk_failed_sign_in"),
    )


def downgrade() -> None:
    """Drops both: everybody signs in anew."""
    op.drop_table("failed_sign_in")
    op.drop_table("signed_in")
