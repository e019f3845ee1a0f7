"""An entry of the pool names every device of its study, where it named the first one alone."""

import sqlalchemy as sa
from alembic import op

revision = "v0008"
down_revision = "v0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes a list of the device of each entry; of the others of an entry that is there already nothing is known."""
    op.add_column("pool_entry", sa.Column("devices", sa.JSON(), nullable=True))
    listed = "json_build_array(device)" if op.get_bind().dialect.name == "postgresql" else "json_array(device)"
    op.execute(f"UPDATE pool_entry SET devices = {listed} WHERE device <> ''")
    op.drop_column("pool_entry", "device")


def downgrade() -> None:
    """Keeps the first device of each entry: a suspension of another counts no more, until its study is judged again."""
    op.add_column("pool_entry", sa.Column("device", sa.String(length=16), nullable=True))
    first = "devices->>0" if op.get_bind().dialect.name == "postgresql" else "json_extract(devices, '$[0]')"
    is_list = "json_typeof(devices)" if op.get_bind().dialect.name == "postgresql" else "json_type(devices)"
    op.execute(f"UPDATE pool_entry SET device = {first} WHERE {is_list} = 'array'")
    op.drop_column("pool_entry", "devices")
