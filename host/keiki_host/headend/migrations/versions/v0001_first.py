"""The tables of the first release, and the triggers that keep raw values and the trail as written."""

from alembic import op

from keiki_host.headend import schema

revision = "0001"
down_revision = None

_KEPT = ("reading", "trail")


def upgrade() -> None:
    """Make every table."""
    bind = op.get_bind()
    schema.metadata.create_all(bind)
    if bind.dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION keiki_keep() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '% is never changed', TG_TABLE_NAME; END $$"
        )
        for table in _KEPT:
            op.execute(
                f"CREATE TRIGGER keep_{table} BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION keiki_keep()"
            )
    else:
        for table in _KEPT:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER keep_{table}_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is never changed'); END"
                )
