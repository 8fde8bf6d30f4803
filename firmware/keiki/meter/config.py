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
    start brings along, `brought` the names of those that are new; `keep` keeps them. SettingError names the
    first of them that is wrong. `on_change(name)` is called for each setting that is about to have another
    value (OSError: it must not), `on_changed(live)` after that.
    """

    def __init__(self, store, provisioned: "dict | None" = None) -> None:
        self.on_change = lambda _name: None
        self.on_changed = lambda _live: None
        self._store = store
        stored = table.checked(store.load())
        values = dict(stored)
        for name, value in (provisioned or {}).items():
            values[name] = table.check(name, value)
        self.brought = [name for name in values if values[name] != stored[name]]
        self._take(values)

    def keep(self) -> None:
        """Keep what this start has brought along."""
        if self.brought:
            self._store.save(self._values())

    def _take(self, values: dict) -> None:
        for name, value in values.items():
            setattr(self, name, value)

    def change(self, changes: dict) -> dict:
        """Change settings, all or none; returns for each whether it holds at once, else from the next start.

        SettingError names the first that is wrong. OSError: flash refused; nothing has changed then.
        """
        before = self._values()
        values = self._values()
        for name, value in changes.items():
            values[name] = table.check(name, value)
        live = {name: table.when(name) == table.LIVE for name in changes}
        if values != before:
            changed = [name for name in changes if values[name] != before[name]]
            for name in changed:
                self.on_change(name)
            self._store.save(values)
            self._take(values)
            self.on_changed(any(live[name] for name in changed))
        return live

    def reset(self) -> None:
        """Go back to the defaults in all but what the meter is; they hold from the next start."""
        values = table.checked({})
        for name in IDENTITY:
            values[name] = getattr(self, name)
        self._store.save(values)

    def _values(self) -> dict:
        return {name: getattr(self, name) for name in table.names()}

    def shown(self) -> dict:
        """Return every setting that is not a secret."""
        values = {}
        for field in table.fields():
            if field[4] != table.SECRET:
                values[field[0]] = getattr(self, field[0])
        return values
