"""The values of the first release, and the triggers that keep raw values and the trail as written."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_KEPT = ("reading", "trail")


def upgrade() -> None:
    """Make the tables, then the triggers."""
    op.create_table(
        "batch",
        sa.Column("batch_no", sa.Integer(), nullable=False),
        sa.Column("stored_s", sa.BigInteger(), nullable=False),
        sa.Column("stored", sa.Integer(), nullable=False),
        sa.Column("delivery_id", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("batch_no", name="pk_batch"),
    )
    op.create_index(
        "ix_batch_undelivered",
        "batch",
        ["batch_no"],
        unique=False,
        postgresql_where=sa.text("delivery_id IS NULL"),
        sqlite_where=sa.text("delivery_id IS NULL"),
    )
    op.create_table(
        "clock_read",
        sa.Column("meter_id", sa.Integer(), nullable=False),
        sa.Column("at_s", sa.BigInteger(), nullable=False),
        sa.Column("offset_s", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("meter_id", "at_s", name="pk_clock_read"),
    )
    op.create_table(
        "conflict",
        sa.Column("conflict_id", sa.Integer(), nullable=False),
        sa.Column("meter_id", sa.Integer(), nullable=False),
        sa.Column("slot_s", sa.BigInteger(), nullable=False),
        sa.Column("import_wh", sa.BigInteger(), nullable=True),
        sa.Column("export_wh", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("arrived_s", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("conflict_id", name="pk_conflict"),
    )
    op.create_index("ix_conflict_slot_s_meter_id", "conflict", ["slot_s", "meter_id"], unique=False)
    op.create_table(
        "contact",
        sa.Column("day_s", sa.BigInteger(), nullable=False),
        sa.Column("meter_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day_s", "meter_id", name="pk_contact"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "delivery",
        sa.Column("delivery_id", sa.Integer(), nullable=False),
        sa.Column("made_s", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", name="pk_delivery"),
    )
    op.create_table(
        "estimate",
        sa.Column("slot_s", sa.BigInteger(), nullable=False),
        sa.Column("meter_id", sa.Integer(), nullable=False),
        sa.Column("import_wh", sa.BigInteger(), nullable=False),
        sa.Column("export_wh", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.SmallInteger(), nullable=False),
        sa.Column("made_s", sa.BigInteger(), nullable=False),
        sa.Column("replaced_s", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("meter_id", "slot_s", name="pk_estimate"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_estimate_slot_s", "estimate", ["slot_s"], unique=False, postgresql_using="brin")
    op.create_table(
        "meter_event",
        sa.Column("meter_id", sa.Integer(), nullable=False),
        sa.Column("log", sa.SmallInteger(), nullable=False),
        sa.Column("at_s", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=False),
        sa.Column("seen_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("meter_id", "at_s", "log", "code", name="pk_meter_event"),
    )
    op.create_table(
        "quality",
        sa.Column("slot_s", sa.BigInteger(), nullable=False),
        sa.Column("meter_id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.SmallInteger(), nullable=False),
        sa.Column("code", sa.SmallInteger(), nullable=False),
        sa.Column("detail", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("meter_id", "slot_s", "rule", name="pk_quality"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_quality_slot_s", "quality", ["slot_s"], unique=False, postgresql_using="brin")
    op.create_table(
        "reading",
        sa.Column("slot_s", sa.BigInteger(), nullable=False),
        sa.Column("import_wh", sa.BigInteger(), nullable=True),
        sa.Column("export_wh", sa.BigInteger(), nullable=True),
        sa.Column("meter_id", sa.Integer(), nullable=False),
        sa.Column("delay_s", sa.Integer(), nullable=False),
        sa.Column("batch_no", sa.Integer(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("path", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("slot_s", "meter_id", name="pk_reading"),
        postgresql_partition_by="RANGE (slot_s)",
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_reading_batch_no",
        "reading",
        ["batch_no"],
        unique=False,
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 32},
    )
    op.create_index(
        "ix_reading_late",
        "reading",
        ["slot_s", "meter_id"],
        unique=False,
        postgresql_where=sa.text("delay_s > 1800"),
        sqlite_where=sa.text("delay_s > 1800"),
    )
    op.create_table(
        "register_read",
        sa.Column("meter_id", sa.Integer(), nullable=False),
        sa.Column("at_s", sa.BigInteger(), nullable=False),
        sa.Column("import_wh", sa.BigInteger(), nullable=False),
        sa.Column("export_wh", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("meter_id", "at_s", "source", name="pk_register_read"),
    )
    op.create_table(
        "slot_count",
        sa.Column("slot_s", sa.BigInteger(), nullable=False),
        sa.Column("area_id", sa.Integer(), nullable=False),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("no_value", sa.Integer(), nullable=False),
        sa.Column("within_30", sa.Integer(), nullable=False),
        sa.Column("within_60", sa.Integer(), nullable=False),
        sa.Column("within_48h", sa.Integer(), nullable=False),
        sa.Column("pushed", sa.Integer(), nullable=False),
        sa.Column("pulled", sa.Integer(), nullable=False),
        sa.Column("late", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("slot_s", "area_id", name="pk_slot_count"),
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "validated",
        sa.Column("day_s", sa.BigInteger(), nullable=False),
        sa.Column("area_id", sa.Integer(), nullable=False),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("batch_no", sa.Integer(), nullable=False),
        sa.Column("judged_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day_s", "area_id", name="pk_validated"),
    )
    op.create_table(
        "delivery_file",
        sa.Column("delivery_id", sa.Integer(), nullable=False),
        sa.Column("retailer_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("within_60", sa.Integer(), nullable=False),
        sa.Column("latest_s", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["delivery.delivery_id"], name="fk_delivery_file_delivery_id"
        ),
        sa.PrimaryKeyConstraint("delivery_id", "retailer_id", name="pk_delivery_file"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION keiki_keep() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '% is never changed', TG_TABLE_NAME; END $$"
        )
        for table in _KEPT:
            op.execute(
                f"CREATE TRIGGER keep_{table} BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION keiki_keep()"
            )
        return
    for table in _KEPT:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER keep_{table}_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is never changed'); END"
            )
