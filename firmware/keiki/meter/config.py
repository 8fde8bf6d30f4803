"""The settings in use: what is on flash, checked against the table of keiki.wire.settings."""

from keiki.wire import settings as table

# what the meter is, and what is printed on it: a factory reset leaves it
IDENTITY = (
    "serial", "maker", "production", "phases", "rating_a", "contract_a", "route_b_id", "route_b_password",
    "dlms_kek", "dlms_ek", "dlms_ak", "dlms_read_ek", "dlms_read_ak",
)  # fmt: skip


class Settings:
    """One attribute for each setting. Secrets are attributes too, and are left out of all that is shown.

    `store.load()` gives what is on flash, `store.save(values)` keeps it. `provisioned` are values that this
    start brings along; they are kept. SettingError names the first of them that is wrong.
    `on_change(name, live)` is called for each setting that has another value now.
    """

    def __init__(self, store, provisioned: "dict | None" = None) -> None:
        self.on_change = lambda _name, _live: None
        self._store = store
        stored = table.checked(store.load())
        values = table.checked(stored, provisioned or {})
        if values != stored:
            store.save(values)
        self._take(values)

    def _take(self, values: dict) -> None:
        for name, value in values.items():
            setattr(self, name, value)

    def change(self, changes: dict) -> dict:
        """Change settings, all or none; returns for each whether it holds at once, else from the next start.

        SettingError names the first that is wrong. OSError: flash refused; nothing has changed then.
        """
        before = self._values()
        values = table.checked(before, changes)
        if values != before:
            self._store.save(values)
            self._take(values)
        live = {}
        for name in changes:
            live[name] = table.when(name) == table.LIVE
            if values[name] != before[name]:
                self.on_change(name, live[name])
        return live

    def reset(self) -> None:
        """Go back to the defaults in all but what the meter is; they hold from the next start."""
        values = table.checked({})
        for name in IDENTITY:
            values[name] = getattr(self, name)
        self._store.save(values)

    def _values(self) -> dict:
        return {field[0]: getattr(self, field[0]) for field in table.fields()}

    def shown(self) -> dict:
        """Return every setting that is not a secret."""
        values = {}
        for field in table.fields():
            if field[4] != table.SECRET:
                values[field[0]] = getattr(self, field[0])
        return values
