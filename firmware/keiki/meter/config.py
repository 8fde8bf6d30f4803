"""The settings in use: stored ones checked against the table of keiki.wire.settings."""

from keiki.wire import settings as table


class Settings:
    """One attribute for each setting. Secrets are attributes too, and are left out of all that is shown."""

    def __init__(self, stored: dict) -> None:
        """Take stored values over the defaults; SettingError names the first that is wrong."""
        values = table.checked(stored)
        for name in values:
            setattr(self, name, values[name])
        self.on_change = None

    def change(self, name: str, value) -> bool:
        """Change a setting; True if it holds at once, False if from the next start; or SettingError."""
        value = table.check(name, value)
        setattr(self, name, value)
        live = table.when(name) == table.LIVE
        if live and self.on_change is not None:
            self.on_change(name)
        return live

    def shown(self) -> dict:
        """Return every setting that is not a secret."""
        values = {}
        for field in table.FIELDS:
            if field[4] != table.SECRET:
                values[field[0]] = getattr(self, field[0])
        return values
