"""Reference: any instrument that a person reads."""

from keiki_host.calibrate.errors import CalibrateError
from keiki_host.calibrate.reference import Ask, Limits, Sample

_ATTEMPTS = 3
_QUESTION = "What did the reference show meanwhile, on average? V A W, all digits, as in 101.2 9.87 998.5: "


class ManualReference:
    """Asks for volts, amperes and watts at the end of each window; the digits typed are its resolution.

    `accuracy` is the limit of error that its maker states, relative to the reading.
    """

    def __init__(self, ask: Ask, name: str, accuracy: float) -> None:
        self._ask = ask
        self._name = name
        self._accuracy = accuracy

    async def open(self) -> str:
        """Return the name that it was given."""
        return self._name

    async def begin(self) -> None:
        """Nothing."""

    async def read(self) -> None:
        """Nothing before the end."""

    async def end(self) -> Sample:
        """Ask; CalibrateError after three answers that are none."""
        question = _QUESTION
        for _ in range(_ATTEMPTS):
            sample = self._parsed(await self._ask(question))
            if sample is not None:
                return sample
            question = f"Three numbers. {_QUESTION}"
        raise CalibrateError("reference: nobody says what it shows")

    async def close(self) -> None:
        """Nothing."""

    def _parsed(self, text: str) -> Sample | None:
        words = text.replace(",", " ").split()
        try:
            v, i, p = (float(word) for word in words)
            half_v, half_i, half_p = (half_step(word) for word in words)
        except ValueError:
            return None
        if not (0 < v < 1000 and 0 <= i < 1000 and abs(p) < 1e6):
            return None
        share = self._accuracy
        limits = Limits(share, share, share, half_v, half_i, half_p, angle_rad=share)
        return Sample(v, i, p, limits)


def half_step(word: str) -> float:
    """Return half of what the last digit of a number is worth, 0.05 for 101.2. ValueError: it is none."""
    digits = word.lstrip("+-")
    if not digits.replace(".", "", 1).isdigit():
        raise ValueError(word)
    return float(10.0 ** -len(digits.partition(".")[2]) / 2)
