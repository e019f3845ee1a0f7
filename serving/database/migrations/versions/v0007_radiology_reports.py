"""Radiologists' reports that come by FHIR, before their study or after it."""

import sqlalchemy as sa
from alembic import op

revision = "v0007"
down_revision = "v0006"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Adds the table."""
    op.create_table(
        "radiology_report",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("hospital_id", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("study_uid", sa.String(length=64), nullable=False),
        sa.Column("form", sa.JSON(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name="fk_radiology_report_hospital_id"),
        sa.PrimaryKeyConstraint("id", name="pk_radiology_report"),
        sa.UniqueConstraint("hospital_id", "key", "study_uid", name="uq_radiology_report_hospital_id_key_study_uid"),
    )
    op.create_index("report_by_study", "radiology_report", ["hospital_id", "study_uid"])


def downgrade() -> None:
    """Drops it: what reports said of their form stands in the verdicts that were given until then."""
    op.drop_index("report_by_study", "radiology_report")
    op.drop_table("radiology_report")
