"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "v0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Makes every table."""
    op.create_table(
        "audit",
        sa.Column("number", NUMBER, autoincrement=False, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("before", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.CheckConstraint("number > 0", name="ck_audit_counts_from_one"),
        sa.PrimaryKeyConstraint("number", name="pk_audit"),
        sa.UniqueConstraint("digest", name="uq_audit_digest"),
    )
    op.create_index("ix_audit_subject", "audit", ["subject"])
    op.create_table(
        "hospital",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("level", sa.String(length=32), nullable=False),
        sa.Column("alliances", sa.JSON(), nullable=False),
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("standing", sa.String(length=16), nullable=False),
        sa.Column("standing_reason", sa.String(length=500), nullable=False),
        sa.Column("served_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_hospital"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("target", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", MOMENT, nullable=False),
        sa.Column("last_error", sa.String(length=500), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("sent_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("kind", "target", "subject", name="uq_outbox_kind_target_subject"),
    )
    op.create_index("outbox_to_send", "outbox", ["state", "next_at"])
    op.create_table(
        "account",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("hospital_id", sa.String(length=64), nullable=True),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name="fk_account_hospital_id"),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("name", name="uq_account_name"),
        sa.UniqueConstraint("subject", name="uq_account_subject"),
    )
    op.create_table(
        "api_key",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("hospital_id", sa.String(length=64), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name="fk_api_key_hospital_id"),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
        sa.UniqueConstraint("digest", name="uq_api_key_digest"),
    )
    op.create_table(
        "performed_step",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("hospital_id", sa.String(length=64), nullable=False),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("study_uid", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("instances", sa.JSON(), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name="fk_performed_step_hospital_id"),
        sa.PrimaryKeyConstraint("id", name="pk_performed_step"),
        sa.UniqueConstraint("sop_instance_uid", name="uq_performed_step_sop_instance_uid"),
    )
    op.create_index("ix_performed_step_study_uid", "performed_step", ["study_uid"])
    op.create_table(
        "quarantine",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("hospital_id", sa.String(length=64), nullable=False),
        sa.Column("came_by", sa.String(length=8), nullable=False),
        sa.Column("sender", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("archive_key", sa.String(length=200), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name="fk_quarantine_hospital_id"),
        sa.PrimaryKeyConstraint("id", name="pk_quarantine"),
        sa.UniqueConstraint("hospital_id", "digest", name="uq_quarantine_hospital_id_digest"),
    )
    op.create_table(
        "study",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("hospital_id", sa.String(length=64), nullable=False),
        sa.Column("uid", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("num_instances", sa.Integer(), nullable=False),
        sa.Column("declared_instances", sa.Integer(), nullable=True),
        sa.Column("first_instance_at", MOMENT, nullable=False),
        sa.Column("last_instance_at", MOMENT, nullable=False),
        sa.Column("close_at", MOMENT, nullable=True),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.Column("close_confidence", sa.Double(), nullable=True),
        sa.Column("close_evidence", sa.JSON(), nullable=True),
        sa.Column("verdict_id", NUMBER, nullable=True),
        sa.Column("patient_issuer", sa.String(length=64), nullable=False),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("patient_name", sa.String(length=324), nullable=False),
        sa.Column("patient_birth_date", sa.Date(), nullable=True),
        sa.Column("patient_sex", sa.String(length=16), nullable=False),
        sa.Column("accession_number", sa.String(length=64), nullable=False),
        sa.Column("study_date", sa.Date(), nullable=True),
        sa.Column("description", sa.String(length=64), nullable=False),
        sa.Column("modalities", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name="fk_study_hospital_id"),
        sa.PrimaryKeyConstraint("id", name="pk_study"),
        sa.UniqueConstraint("hospital_id", "uid", name="uq_study_hospital_id_uid"),
    )
    op.create_index("study_by_patient", "study", ["patient_issuer", "patient_id"])
    op.create_index("study_by_state", "study", ["state", "last_instance_at"])
    op.create_table(
        "instance",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("study_id", NUMBER, nullable=False),
        sa.Column("series_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("sop_class_uid", sa.String(length=64), nullable=False),
        sa.Column("transfer_syntax_uid", sa.String(length=64), nullable=False),
        sa.Column("modality", sa.String(length=16), nullable=False),
        sa.Column("instance_number", sa.Integer(), nullable=True),
        sa.Column("num_frames", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("columns", sa.Integer(), nullable=False),
        sa.Column("series_description", sa.String(length=64), nullable=False),
        sa.Column("series_number", sa.Integer(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("archive_key", sa.String(length=200), nullable=False),
        sa.Column("conflicting", sa.Boolean(), nullable=False),
        sa.Column("came_by", sa.String(length=8), nullable=False),
        sa.Column("sender", sa.String(length=64), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_instance_study_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_instance"),
        sa.UniqueConstraint(
            "study_id", "sop_instance_uid", "digest", name="uq_instance_study_id_sop_instance_uid_digest"
        ),
    )
    op.create_index("instance_by_series", "instance", ["study_id", "series_instance_uid"])
    op.create_index("instance_by_uid", "instance", ["sop_instance_uid"])
    op.create_table(
        "job",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("study_id", NUMBER, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("hospital_id", sa.String(length=64), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("run_at", MOMENT, nullable=False),
        sa.Column("leased_until", MOMENT, nullable=True),
        sa.Column("lease", sa.String(length=64), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("done_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name="fk_job_hospital_id"),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_job_study_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_job"),
        sa.UniqueConstraint("kind", "study_id", "generation", name="uq_job_kind_study_id_generation"),
    )
    op.create_index("job_by_hospital", "job", ["hospital_id", "state", "kind", "priority", "run_at"])
    op.create_index("job_to_take", "job", ["state", "kind", "priority", "run_at"])
    op.create_table(
        "verdict",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("study_id", NUMBER, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("verdict", sa.String(length=8), nullable=False),
        sa.Column("total", sa.Double(), nullable=True),
        sa.Column("grade", sa.String(length=1), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("versions", sa.JSON(), nullable=False),
        sa.Column("versions_digest", sa.String(length=64), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_verdict_study_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_verdict"),
        sa.UniqueConstraint(
            "study_id",
            "generation",
            "kind",
            "versions_digest",
            name="uq_verdict_study_id_generation_kind_versions_digest",
        ),
    )
    op.create_index("verdict_by_time", "verdict", ["created_at"])
    op.create_table(
        "pool_entry",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("study_id", NUMBER, nullable=False),
        sa.Column("verdict_id", NUMBER, nullable=False),
        sa.Column("item_id", sa.String(length=64), nullable=False),
        sa.Column("hospital_id", sa.String(length=64), nullable=False),
        sa.Column("patient_issuer", sa.String(length=64), nullable=False),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("person_digest", sa.String(length=64), nullable=False),
        sa.Column("examined_on", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("state_reason", sa.String(length=500), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name="fk_pool_entry_hospital_id"),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_pool_entry_study_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["verdict_id"], ["verdict.id"], name="fk_pool_entry_verdict_id"),
        sa.PrimaryKeyConstraint("id", name="pk_pool_entry"),
        sa.UniqueConstraint("verdict_id", "item_id", name="uq_pool_entry_verdict_id_item_id"),
    )
    op.create_index("pool_by_patient", "pool_entry", ["patient_issuer", "patient_id", "examined_on"])
    op.create_index("pool_by_person", "pool_entry", ["person_digest", "examined_on"])
    op.create_index("pool_by_study", "pool_entry", ["study_id"])
    op.create_table(
        "report",
        sa.Column("verdict_id", NUMBER, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["verdict_id"], ["verdict.id"], name="fk_report_verdict_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("verdict_id", name="pk_report"),
    )
    op.create_table(
        "review",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("study_id", NUMBER, nullable=False),
        sa.Column("verdict_id", NUMBER, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("opened_by", NUMBER, nullable=True),
        sa.Column("opening_comment", sa.String(length=2000), nullable=False),
        sa.Column("claimed_by", NUMBER, nullable=True),
        sa.Column("claimed_until", MOMENT, nullable=True),
        sa.Column("decided_by", NUMBER, nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("verdict", sa.String(length=8), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("comment", sa.String(length=2000), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_review_study_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["verdict_id"], ["verdict.id"], name="fk_review_verdict_id"),
        sa.PrimaryKeyConstraint("id", name="pk_review"),
        sa.UniqueConstraint("verdict_id", "kind", name="uq_review_verdict_id_kind"),
    )
    op.create_index("review_to_take", "review", ["state", "kind", "created_at"])
    op.create_table(
        "recognition",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("entry_id", NUMBER, nullable=False),
        sa.Column("hospital_id", sa.String(length=64), nullable=False),
        sa.Column("account_id", NUMBER, nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("comment", sa.String(length=2000), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["pool_entry.id"], name="fk_recognition_entry_id"),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name="fk_recognition_hospital_id"),
        sa.PrimaryKeyConstraint("id", name="pk_recognition"),
    )
    op.create_index("ix_recognition_entry_id", "recognition", ["entry_id"])


def downgrade() -> None:
    """Drops every table, and all that is in them."""
    op.drop_table("recognition")
    op.drop_table("review")
    op.drop_table("report")
    op.drop_table("pool_entry")
    op.drop_table("verdict")
    op.drop_table("job")
    op.drop_table("instance")
    op.drop_table("study")
    op.drop_table("quarantine")
    op.drop_table("performed_step")
    op.drop_table("api_key")
    op.drop_table("account")
    op.drop_table("outbox")
    op.drop_table("hospital")
    op.drop_table("audit")
