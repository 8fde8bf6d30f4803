"""The registry of the first release: meters, points, parties, keys, counters, commands, tokens, the trail."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "area",
        sa.Column("area_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("area_id", name="pk_area"),
        sa.UniqueConstraint("code", name="uq_area_code"),
    )
    op.create_table(
        "key_check",
        sa.Column("key_check_id", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key_check_id", name="pk_key_check"),
    )
    op.create_table(
        "meter",
        sa.Column("meter_id", sa.Integer(), nullable=False),
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("system_title", sa.Text(), nullable=False),
        sa.Column("rating_a", sa.SmallInteger(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("verified_day", sa.Integer(), nullable=True),
        sa.Column("expires_day", sa.Integer(), nullable=True),
        sa.CheckConstraint("rating_a IN (30, 60, 120)", name="ck_meter_rating_a"),
        sa.PrimaryKeyConstraint("meter_id", name="pk_meter"),
        sa.UniqueConstraint("serial", name="uq_meter_serial"),
        sa.UniqueConstraint("system_title", name="uq_meter_system_title"),
    )
    op.create_index("ix_meter_expires_day", "meter", ["expires_day"], unique=False)
    op.create_table(
        "party",
        sa.Column("party_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('utility', 'third', 'retailer', 'customer')", name="ck_party_kind"),
        sa.PrimaryKeyConstraint("party_id", name="pk_party"),
        sa.UniqueConstraint("code", name="uq_party_code"),
    )
    op.create_table(
        "trail",
        sa.Column("trail_id", sa.Integer(), nullable=False),
        sa.Column("at_s", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("trail_id", name="pk_trail"),
    )
    op.create_index("ix_trail_at_s", "trail", ["at_s"], unique=False)
    op.create_table(
        "command",
        sa.Column("command_id", sa.Integer(), nullable=False),
        sa.Column("meter_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("arguments", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("asked_s", sa.BigInteger(), nullable=False),
        sa.Column("due_s", sa.BigInteger(), nullable=False),
        sa.Column("expires_s", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("ended_s", sa.BigInteger(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("read_back", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'failed', 'expired', 'cancelled')",
            name="ck_command_state",
        ),
        sa.ForeignKeyConstraint(["meter_id"], ["meter.meter_id"], name="fk_command_meter_id"),
        sa.PrimaryKeyConstraint("command_id", name="pk_command"),
    )
    op.create_index("ix_command_ended_s", "command", ["ended_s"], unique=False)
    op.create_index("ix_command_meter_id", "command", ["meter_id"], unique=False)
    op.create_index("ix_command_state_due_s", "command", ["state", "due_s"], unique=False)
    op.create_table(
        "counter",
        sa.Column("meter_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.SmallInteger(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["meter_id"], ["meter.meter_id"], name="fk_counter_meter_id"),
        sa.PrimaryKeyConstraint("meter_id", "channel", name="pk_counter"),
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "meter_key",
        sa.Column("key_id", sa.Integer(), nullable=False),
        sa.Column("meter_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_s", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('pending', 'current', 'old')", name="ck_meter_key_state"),
        sa.ForeignKeyConstraint(["meter_id"], ["meter.meter_id"], name="fk_meter_key_meter_id"),
        sa.PrimaryKeyConstraint("key_id", name="pk_meter_key"),
    )
    op.create_index("ix_meter_key_meter_id", "meter_key", ["meter_id"], unique=False)
    op.create_table(
        "point",
        sa.Column("point_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("area_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.area_id"], name="fk_point_area_id"),
        sa.PrimaryKeyConstraint("point_id", name="pk_point"),
        sa.UniqueConstraint("number", name="uq_point_number"),
    )
    op.create_table(
        "token",
        sa.Column("token_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("party_id", sa.Integer(), nullable=True),
        sa.Column("made_s", sa.BigInteger(), nullable=False),
        sa.Column("expires_s", sa.BigInteger(), nullable=True),
        sa.Column("revoked_s", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["party_id"], ["party.party_id"], name="fk_token_party_id"),
        sa.PrimaryKeyConstraint("token_id", name="pk_token"),
        sa.UniqueConstraint("hash", name="uq_token_hash"),
    )
    op.create_table(
        "installation",
        sa.Column("installation_id", sa.Integer(), nullable=False),
        sa.Column("meter_id", sa.Integer(), nullable=False),
        sa.Column("point_id", sa.Integer(), nullable=False),
        sa.Column("from_s", sa.BigInteger(), nullable=False),
        sa.Column("to_s", sa.BigInteger(), nullable=True),
        sa.Column("first_import_wh", sa.BigInteger(), nullable=True),
        sa.Column("first_export_wh", sa.BigInteger(), nullable=True),
        sa.Column("last_import_wh", sa.BigInteger(), nullable=True),
        sa.Column("last_export_wh", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["meter_id"], ["meter.meter_id"], name="fk_installation_meter_id"),
        sa.ForeignKeyConstraint(["point_id"], ["point.point_id"], name="fk_installation_point_id"),
        sa.PrimaryKeyConstraint("installation_id", name="pk_installation"),
    )
    op.create_index("ix_installation_meter_id", "installation", ["meter_id"], unique=False)
    op.create_index("ix_installation_point_id", "installation", ["point_id"], unique=False)
    op.create_table(
        "occupancy",
        sa.Column("occupancy_id", sa.Integer(), nullable=False),
        sa.Column("point_id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("from_s", sa.BigInteger(), nullable=False),
        sa.Column("to_s", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["party.party_id"], name="fk_occupancy_customer_id"),
        sa.ForeignKeyConstraint(["point_id"], ["point.point_id"], name="fk_occupancy_point_id"),
        sa.PrimaryKeyConstraint("occupancy_id", name="pk_occupancy"),
    )
    op.create_index("ix_occupancy_customer_id", "occupancy", ["customer_id"], unique=False)
    op.create_index("ix_occupancy_point_id", "occupancy", ["point_id"], unique=False)
    op.create_table(
        "responsibility",
        sa.Column("point_id", sa.Integer(), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("party_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["party.party_id"], name="fk_responsibility_party_id"),
        sa.ForeignKeyConstraint(["point_id"], ["point.point_id"], name="fk_responsibility_point_id"),
        sa.PrimaryKeyConstraint("point_id", "process", name="pk_responsibility"),
    )
    op.create_table(
        "supply",
        sa.Column("supply_id", sa.Integer(), nullable=False),
        sa.Column("point_id", sa.Integer(), nullable=False),
        sa.Column("retailer_id", sa.Integer(), nullable=False),
        sa.Column("from_s", sa.BigInteger(), nullable=False),
        sa.Column("to_s", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["point_id"], ["point.point_id"], name="fk_supply_point_id"),
        sa.ForeignKeyConstraint(["retailer_id"], ["party.party_id"], name="fk_supply_retailer_id"),
        sa.PrimaryKeyConstraint("supply_id", name="pk_supply"),
    )
    op.create_index("ix_supply_point_id", "supply", ["point_id"], unique=False)
    op.create_index("ix_supply_retailer_id", "supply", ["retailer_id"], unique=False)
