"""Tables of the registry: meters, points, parties, keys, counters, commands, tokens and the trail."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

from keiki_host.headend.schema import metadata

area = Table(
    "area",
    metadata,
    Column("area_id", Integer, primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
)
"""What KPIs are counted for."""

party = Table(
    "party",
    metadata,
    Column("party_id", Integer, primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    CheckConstraint("kind IN ('utility', 'third', 'retailer', 'customer')", name="kind"),
)
"""Who does something, supplies, or uses."""

point = Table(
    "point",
    metadata,
    Column("point_id", Integer, primary_key=True),
    Column("number", Text, nullable=False, unique=True),  # 供給地点特定番号
    Column("area_id", Integer, ForeignKey("area.area_id"), nullable=False),
)
"""Supply points."""

meter = Table(
    "meter",
    metadata,
    Column("meter_id", Integer, primary_key=True),
    Column("serial", Text, nullable=False, unique=True),
    Column("system_title", Text, nullable=False, unique=True),  # 16 hex digits
    Column("rating_a", SmallInteger, nullable=False),
    Column("address", Text),  # host:port for pulls; null: it only pushes
    Column("verified_day", Integer),  # days since 1970, JST
    Column("expires_day", Integer),  # the last day on which it may be used for trade (検満)
    CheckConstraint("rating_a IN (30, 60, 120)", name="rating_a"),
)
"""Meters, installed or not."""

Index("ix_meter_expires_day", meter.c.expires_day)

installation = Table(
    "installation",
    metadata,
    Column("installation_id", Integer, primary_key=True),
    Column("meter_id", Integer, ForeignKey("meter.meter_id"), nullable=False),
    Column("point_id", Integer, ForeignKey("point.point_id"), nullable=False),
    Column("from_s", BigInteger, nullable=False),
    Column("to_s", BigInteger),  # null: still there; the meter's slots are from_s <= slot < to_s
    Column("first_import_wh", BigInteger),  # registers when it was put in
    Column("first_export_wh", BigInteger),
    Column("last_import_wh", BigInteger),  # registers when it was taken out
    Column("last_export_wh", BigInteger),
)
"""Which meter was at which point, when."""

Index("ix_installation_meter_id", installation.c.meter_id)
Index("ix_installation_point_id", installation.c.point_id)

responsibility = Table(
    "responsibility",
    metadata,
    Column("point_id", Integer, ForeignKey("point.point_id"), nullable=False),
    Column("process", Text, nullable=False),  # parties.PROCESSES
    Column("party_id", Integer, ForeignKey("party.party_id"), nullable=False),
    PrimaryKeyConstraint("point_id", "process"),
)
"""Who is responsible for each process of the metering of a point."""

supply = Table(
    "supply",
    metadata,
    Column("supply_id", Integer, primary_key=True),
    Column("point_id", Integer, ForeignKey("point.point_id"), nullable=False),
    Column("retailer_id", Integer, ForeignKey("party.party_id"), nullable=False),
    Column("from_s", BigInteger, nullable=False),
    Column("to_s", BigInteger),
)
"""Which retailer supplied a point, when."""

occupancy = Table(
    "occupancy",
    metadata,
    Column("occupancy_id", Integer, primary_key=True),
    Column("point_id", Integer, ForeignKey("point.point_id"), nullable=False),
    Column("customer_id", Integer, ForeignKey("party.party_id"), nullable=False),
    Column("from_s", BigInteger, nullable=False),
    Column("to_s", BigInteger),
)
"""Which customer used a point, when."""

for _table in (supply, occupancy):
    Index(f"ix_{_table.name}_point_id", _table.c.point_id)
Index("ix_supply_retailer_id", supply.c.retailer_id)
Index("ix_occupancy_customer_id", occupancy.c.customer_id)

meter_key = Table(
    "meter_key",
    metadata,
    Column("key_id", Integer, primary_key=True),
    Column("meter_id", Integer, ForeignKey("meter.meter_id"), nullable=False),
    Column("name", Text, nullable=False),  # keys.NAMES
    Column("state", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("made_s", BigInteger, nullable=False),
    CheckConstraint("state IN ('pending', 'current', 'old')", name="state"),
)
"""Keys, encrypted under the key file. A pending one is not known to be in the meter yet."""

Index("ix_meter_key_meter_id", meter_key.c.meter_id)

key_check = Table(
    "key_check",
    metadata,
    Column("key_check_id", Integer, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
"""One row, sealed with the key file that belongs to this database."""

counter = Table(
    "counter",
    metadata,
    Column("meter_id", Integer, ForeignKey("meter.meter_id"), nullable=False),
    Column("channel", SmallInteger, nullable=False),  # counters.Channel
    Column("value", BigInteger, nullable=False),
    PrimaryKeyConstraint("meter_id", "channel"),
    postgresql_with={"fillfactor": 50},
)
"""Invocation counters: the highest one reserved for sending, or accepted."""

command = Table(
    "command",
    metadata,
    Column("command_id", Integer, primary_key=True),
    Column("meter_id", Integer, ForeignKey("meter.meter_id"), nullable=False),
    Column("kind", Text, nullable=False),  # commands.KINDS
    Column("arguments", Text, nullable=False),  # JSON, never a secret
    Column("state", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("asked_s", BigInteger, nullable=False),
    Column("due_s", BigInteger, nullable=False),  # when it is tried next; when a try that went silent is over
    Column("expires_s", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("ended_s", BigInteger),
    Column("result", Text),  # one line
    Column("read_back", Text),  # JSON: the state read from the meter afterwards
    CheckConstraint("state IN ('queued', 'running', 'done', 'failed', 'expired', 'cancelled')", name="state"),
)
"""Commands to meters."""

Index("ix_command_state_due_s", command.c.state, command.c.due_s)
Index("ix_command_meter_id", command.c.meter_id)
Index("ix_command_ended_s", command.c.ended_s)

token = Table(
    "token",
    metadata,
    Column("token_id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("hash", Text, nullable=False),  # SHA-256 of 256 random bits
    Column("scope", Text, nullable=False),  # access.SCOPES
    Column("party_id", Integer, ForeignKey("party.party_id")),  # the customer or retailer whose token it is
    Column("made_s", BigInteger, nullable=False),
    Column("expires_s", BigInteger),
    Column("revoked_s", BigInteger),
    UniqueConstraint("hash"),
)
"""API tokens; only the hash is known here."""

trail = Table(
    "trail",
    metadata,
    Column("trail_id", Integer, primary_key=True),
    Column("at_s", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("outcome", Text, nullable=False),  # "done", "denied", "failed", ...
    Column("detail", Text, nullable=False),
)
"""Who did what; only ever added to (triggers refuse anything else)."""

Index("ix_trail_at_s", trail.c.at_s)
