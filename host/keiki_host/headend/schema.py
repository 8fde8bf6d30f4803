"""Tables of the values: what came, what was judged of it, what was handed on.

`reading` is written once and never changed (triggers refuse it). Its key begins with the slot, not with the
meter: all meters write the same slot at about the same time, so a new row lands in the same few pages of the
index, whatever the size of the fleet; a day of one meter is 48 look-ups. On PostgreSQL it is partitioned by
the month of the slot (`partitions`). It has no foreign key: that would be one look-up for each row.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

batch = Table(
    "batch",
    metadata,
    Column("batch_no", Integer, primary_key=True),
    Column("stored_s", BigInteger, nullable=False),  # when it was written
    Column("stored", Integer, nullable=False),  # rows
    Column(
        "delivery_id", Integer, nullable=True
    ),  # the C-route delivery that took it; none: not delivered yet
)
"""One row for each transaction that stored values."""

Index(
    "ix_batch_undelivered",
    batch.c.batch_no,
    postgresql_where=batch.c.delivery_id.is_(None),
    sqlite_where=batch.c.delivery_id.is_(None),
)

reading = Table(
    "reading",
    metadata,
    Column("slot_s", BigInteger, nullable=False),
    Column("import_wh", BigInteger),
    Column("export_wh", BigInteger),
    Column("meter_id", Integer, nullable=False),
    Column("delay_s", Integer, nullable=False),  # arrival = slot_s + delay_s
    Column("batch_no", Integer, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("path", SmallInteger, nullable=False),
    PrimaryKeyConstraint("slot_s", "meter_id"),
    postgresql_partition_by="RANGE (slot_s)",
    sqlite_with_rowid=False,
)
"""Raw values. Import and export are null where the meter itself said that it has none."""

# rows lie in the order of their batches: a block range index finds a batch and costs inserts next to nothing
Index(
    "ix_reading_batch_no",
    reading.c.batch_no,
    postgresql_using="brin",
    postgresql_with={"pages_per_range": 32},
)

# the few that came late are listed by `misses`; the many that came in time cost nothing
Index(
    "ix_reading_late",
    reading.c.slot_s,
    reading.c.meter_id,
    postgresql_where=reading.c.delay_s > 1800,
    sqlite_where=reading.c.delay_s > 1800,
)

conflict = Table(
    "conflict",
    metadata,
    Column("conflict_id", Integer, primary_key=True),
    Column("meter_id", Integer, nullable=False),
    Column("slot_s", BigInteger, nullable=False),
    Column("import_wh", BigInteger),
    Column("export_wh", BigInteger),
    Column("status", SmallInteger, nullable=False),
    Column("arrived_s", BigInteger, nullable=False),
    Column("path", SmallInteger, nullable=False),
)
"""Second, different values of a slot that has one already; each is kept once."""

Index("ix_conflict_slot_s_meter_id", conflict.c.slot_s, conflict.c.meter_id)

slot_count = Table(
    "slot_count",
    metadata,
    Column("slot_s", BigInteger, nullable=False),
    Column("area_id", Integer, nullable=False),  # 0: meters that are installed nowhere
    Column("received", Integer, nullable=False),
    Column("no_value", Integer, nullable=False),  # of received: the meter says that it has none
    Column("within_30", Integer, nullable=False),  # of received with a value: arrived within 30 minutes
    Column("within_60", Integer, nullable=False),
    Column("within_48h", Integer, nullable=False),
    Column("pushed", Integer, nullable=False),
    Column("pulled", Integer, nullable=False),
    Column("late", Integer, nullable=False),
    PrimaryKeyConstraint("slot_s", "area_id"),
    postgresql_with={"fillfactor": 50},
)
"""How many values of a slot came, kept in the transaction that stores them: no count reads the values."""

contact = Table(
    "contact",
    metadata,
    Column("day_s", BigInteger, nullable=False),  # 00:00 JST
    Column("meter_id", Integer, nullable=False),
    PrimaryKeyConstraint("day_s", "meter_id"),
    sqlite_with_rowid=False,
)
"""Meters that were heard on a day, by a value or by a session (`ingest.heard`)."""

quality = Table(
    "quality",
    metadata,
    Column("slot_s", BigInteger, nullable=False),
    Column("meter_id", Integer, nullable=False),
    Column("rule", SmallInteger, nullable=False),  # rules.RULES
    Column("code", SmallInteger, nullable=False),  # rules.Quality
    Column("detail", BigInteger),  # what the rule measured, in its own unit
    PrimaryKeyConstraint("meter_id", "slot_s", "rule"),
    sqlite_with_rowid=False,
)
"""What validation found; a value without a row passed every rule, once its day is in `validated`."""

Index("ix_quality_slot_s", quality.c.slot_s, postgresql_using="brin")

validated = Table(
    "validated",
    metadata,
    Column("day_s", BigInteger, nullable=False),
    Column("area_id", Integer, nullable=False),
    Column("received", Integer, nullable=False),  # sum of slot_count when the day was judged
    Column("batch_no", Integer, nullable=False),  # the newest batch then
    Column("judged_s", BigInteger, nullable=False),
    PrimaryKeyConstraint("day_s", "area_id"),
)
"""Which days were judged, and on how many values: a day with more values now is judged again."""

estimate = Table(
    "estimate",
    metadata,
    Column("slot_s", BigInteger, nullable=False),
    Column("meter_id", Integer, nullable=False),
    Column("import_wh", BigInteger, nullable=False),
    Column("export_wh", BigInteger, nullable=False),
    Column("method", SmallInteger, nullable=False),  # estimate.Method
    Column("made_s", BigInteger, nullable=False),
    Column("replaced_s", BigInteger),  # when the real value was found
    PrimaryKeyConstraint("meter_id", "slot_s"),
    sqlite_with_rowid=False,
)
"""Registers made up for slots without a value. A real value always comes before them."""

Index("ix_estimate_slot_s", estimate.c.slot_s, postgresql_using="brin")

register_read = Table(
    "register_read",
    metadata,
    Column("meter_id", Integer, nullable=False),
    Column("at_s", BigInteger, nullable=False),
    Column("import_wh", BigInteger, nullable=False),
    Column("export_wh", BigInteger, nullable=False),
    Column("source", Text, nullable=False),  # "billing", "now", "field"
    PrimaryKeyConstraint("meter_id", "at_s", "source"),
)
"""Registers that came another way than as slots: what the sum check holds the slots against."""

clock_read = Table(
    "clock_read",
    metadata,
    Column("meter_id", Integer, nullable=False),
    Column("at_s", BigInteger, nullable=False),
    Column("offset_s", Integer, nullable=False),  # the meter's clock less the true time
    PrimaryKeyConstraint("meter_id", "at_s"),
)
"""How wrong a meter's clock was."""

meter_event = Table(
    "meter_event",
    metadata,
    Column("meter_id", Integer, nullable=False),
    Column("log", SmallInteger, nullable=False),  # observations.Event
    Column("at_s", BigInteger, nullable=False),
    Column("code", Integer, nullable=False),
    Column("seen_s", BigInteger, nullable=False),
    PrimaryKeyConstraint("meter_id", "at_s", "log", "code"),
)
"""What meters have in their event logs."""

delivery = Table(
    "delivery",
    metadata,
    Column("delivery_id", Integer, primary_key=True),
    Column("made_s", BigInteger, nullable=False),
    Column("done", Boolean, nullable=False),
)
"""C-route deliveries. One that is not done is made again, with the same batches under the same names."""

delivery_file = Table(
    "delivery_file",
    metadata,
    Column("delivery_id", Integer, ForeignKey("delivery.delivery_id"), nullable=False),
    Column("retailer_id", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("within_60", Integer, nullable=False),  # rows delivered within 60 minutes of metering
    Column("latest_s", BigInteger, nullable=False),  # largest time from metering to delivery
    Column("sha256", Text, nullable=False),
    PrimaryKeyConstraint("delivery_id", "retailer_id"),
)
"""The file of each retailer in a delivery, with its lateness."""
