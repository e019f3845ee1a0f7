"""Suspensions that end by themselves, and the standing of single devices with their acceptance tests."""

import sqlalchemy as sa
from alembic import op

revision = "v0005"
down_revision = "v0004"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Adds the column and the table."""
    op.add_column("hospital", sa.Column("standing_until", sa.Date(), nullable=True))
    op.create_table(
        "device_standing",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("hospital_id", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=16), nullable=False),
        sa.Column("standing", sa.String(length=16), nullable=False),
        sa.Column("standing_reason", sa.String(length=500), nullable=False),
        sa.Column("standing_until", sa.Date(), nullable=True),
        sa.Column("tested_on", sa.Date(), nullable=True),
        sa.Column("test_passed", sa.Boolean(), nullable=True),
        sa.Column("test_valid_until", sa.Date(), nullable=True),
        sa.Column("test_reference", sa.String(length=200), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name="fk_device_standing_hospital_id"),
        sa.PrimaryKeyConstraint("id", name="pk_device_standing"),
        sa.UniqueConstraint("hospital_id", "device", name="uq_device_standing_hospital_id_device"),
    )


def downgrade() -> None:
    """Drops both; a suspension then holds until somebody ends it, and those of single devices are forgotten."""
    op.drop_table("device_standing")
    op.drop_column("hospital", "standing_until")
