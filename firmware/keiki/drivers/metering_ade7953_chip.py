"""One ADE7953: set up, watched, its energy counters polled and its readings read.

Document: Analog Devices ADE7953 datasheet Rev. C, "Power-up procedure", "Required register setting",
"Communication verification and security".
"""

from keiki.drivers.metering_ade7953_energy import Channel
from keiki.drivers.metering_ade7953_registers import (
    AENERGY_A,
    CONFIG,
    CONFIG_RESET,
    CONFIG_VALUE,
    CRC,
    DISNOLOAD,
    IRMS_A,
    IRQ_RESET,
    IRQSTATA,
    PERIOD,
    RENERGY_A,
    REQUIRED,
    REQUIRED_VALUE,
    RSTIRQSTATA,
    UNLOCK,
    UNLOCK_WORD,
    VRMS,
    WRITE_PROTECT,
    build_table,
)
from keiki.drivers.metering_ade7953_transports import Link
from keiki.wire.compat import const

_RESET_MS = const(120)  # the datasheet asks for 100
_MORE_MS = const(20)
_SETTLE_MS = const(250)  # rms values take 200
_CRC_MS = const(2)  # it is made anew 6990 times a second
_VERIFY_MS = const(5000)
_ATTEMPTS = const(3)
_PERIOD_CLOCK_X100 = const(22375000)
_LEAST_HZ_X100 = const(4000)
_MOST_HZ_X100 = const(7000)


class Chip:
    """One chip and its current channels, A or A and B.

    `tell(kind, before, after)` hears of "ic_reset" and "increment_refused". `up`: it is set up.
    """

    def __init__(
        self, transport, channels: "list[Channel]", data: dict, stats: "dict[str, int]", tell
    ) -> None:
        self.channels = channels
        self._link = Link(transport, stats)
        self._data = data
        self._stats = stats
        self._tell = tell
        self._table = self.build([channel.values for channel in channels])
        self._holds = {}
        self._counts = []
        self.up = False
        self._crc = None
        self._verify_ms = 0
        self._row = 0

    def build(self, values: "list[list[int]]") -> "list[tuple[int, int]]":
        """Return the configuration for a calibration, one list by KEYS per channel, or ValueError."""
        return build_table(self._data, [channel.scale for channel in self.channels], values)

    def apply(self, values: "list[list[int]]") -> None:
        """Use a calibration: at the end of the next poll the chip gets what is new."""
        self._table = self.build(values)
        for channel, mine in zip(self.channels, values):
            channel.values = mine

    # -- energy ---------------------------------------------------------------------------------------

    async def count(self, now_ms: int, missed: int) -> None:
        """Read the energy counters; `missed` is what stats["missed"] was at `now_ms`.

        All chips do so before anything else, so that each is read as long after `now_ms` at every poll.
        """
        self._counts = []
        if not self.up:
            return
        for channel in self.channels:
            active = await self._link.read(AENERGY_A + channel.index)
            clean = missed == self._stats["missed"]
            reactive = None if active is None else await self._link.read(RENERGY_A + channel.index)
            if reactive is None:
                return
            self._counts.append((active, reactive, now_ms, clean))

    async def book(self, now_ms: int) -> bool:
        """Book what was read, set up or calibrate the chip if need be; False if not all of it worked out.

        Counters are booked only if the chip has not restarted until after they were read.
        """
        if not self.up:
            return await self._set_up(now_ms)
        if len(self._counts) < len(self.channels):
            return False
        status = await self._link.read(IRQSTATA)
        if status is None:
            return False
        fault = await self._fault(status, now_ms)
        if fault is not None:
            self._stats["resets"] += 1
            self._tell("ic_reset", fault[0], fault[1])
            return await self._set_up(now_ms)
        for channel, counts in zip(self.channels, self._counts):
            refused = channel.take(*counts)
            if refused is not None:
                self._stats["refused"] += 1
                self._tell("increment_refused", refused[0], refused[1])
        if self._pending():
            if not await self._configure():
                # why: what was written may have gone anywhere
                return await self._set_up(now_ms)
            await self._link.wait_ms(_SETTLE_MS)
        for channel in self.channels:
            channel.use_phase()
        return True

    async def _fault(self, status: int, now_ms: int) -> "tuple[int, int] | None":
        """Return None if the chip is as it was set up, else (what a register should be, what it is)."""
        if status & IRQ_RESET:
            return (CONFIG_VALUE, await self._link.read(CONFIG) or 0)
        if now_ms < self._verify_ms:
            return None
        self._verify_ms = now_ms + _VERIFY_MS
        self._row = (self._row + 1) % (2 * len(self._table))
        if self._row & 1:
            # one register every other time: a CRC that does not work would find nothing
            register, _ = self._table[self._row >> 1]
            return await self._differs(register)
        crc = await self._link.read(CRC)
        if crc is None or crc == self._crc:
            return None
        fault = await self.difference()
        if fault is None:
            # why: nobody says what exactly is in the CRC, and all that was written is as it shall be
            self._crc = crc
            self._stats["crc_changes"] += 1
        return fault

    async def difference(self) -> "tuple[int, int] | None":
        """Compare what the registers hold with what was written: None, or (written, held) of the first.

        A register that cannot be read does not differ.
        """
        for register in self._holds:
            fault = await self._differs(register)
            if fault is not None:
                return fault
        return None

    async def _differs(self, register: int) -> "tuple[int, int] | None":
        value = self._holds[register]
        found = await self._link.read(register)
        return None if found is None or found == value else (value, found)

    # -- set-up ---------------------------------------------------------------------------------------

    async def _set_up(self, now_ms: int) -> bool:
        """Restart the chip, configure it, and begin counting anew; False if that did not work out."""
        link = self._link
        self.up = False
        self._holds = {}
        await link.send(WRITE_PROTECT, 0)
        await link.send(CONFIG, CONFIG_RESET)
        await link.wait_ms(_RESET_MS)
        # why: it has been accessed nowhere, so what is in its registers is from the reset and nowhere else
        if await link.where() != 0:
            await link.wait_ms(_MORE_MS)
            if await link.where() != 0:
                return False
        # nothing may come between these two
        await link.send(UNLOCK, UNLOCK_WORD)
        await link.send(REQUIRED, REQUIRED_VALUE)
        if await link.read(REQUIRED) != REQUIRED_VALUE:
            return False
        self._holds[REQUIRED] = REQUIRED_VALUE
        # why now: as it will be set up, the chip clears nothing that is read
        await link.read(RSTIRQSTATA)
        if not await self._configure():
            return False
        baselines = []
        for channel in self.channels:
            active = await link.read(AENERGY_A + channel.index)
            reactive = await link.read(RENERGY_A + channel.index)
            if active is None or reactive is None:
                return False
            baselines.append((active, reactive, now_ms))
        status = await link.read(IRQSTATA)
        if status is None or status & IRQ_RESET:
            return False
        for channel, baseline in zip(self.channels, baselines):
            channel.begin(*baseline)
            channel.use_phase()
        self._stats["set_ups"] += 1
        self._verify_ms = now_ms + _VERIFY_MS
        self.up = True
        return True

    async def _put(self, register: int, value: int) -> bool:
        for _ in range(_ATTEMPTS):
            if not await self._link.write(register, value):
                return False
            if await self._link.read(register) == value:
                self._holds[register] = value
                return True
        return False

    def _pending(self) -> "list[tuple[int, int]]":
        """What is to be written still."""
        return [(register, value) for register, value in self._table if self._holds.get(register) != value]

    async def _configure(self) -> bool:
        """Write what is pending, unprotected meanwhile; False if it is not all there."""
        if not await self._put(WRITE_PROTECT, 0) or not await self._put(DISNOLOAD, 0x07):
            return False
        for register, value in self._pending():
            if not await self._put(register, value):
                return False
        await self._link.wait_ms(_CRC_MS)
        self._crc = await self._link.read(CRC)
        return self._crc is not None

    # -- readings -------------------------------------------------------------------------------------

    async def read(self) -> "bool | None":
        """Read rms values and the frequency; None if a reading cannot be, False if the chip is silent."""
        voltage = await self._link.read(VRMS)
        period = await self._link.read(PERIOD)
        if voltage is None or period is None:
            return False
        for channel in self.channels:
            current = await self._link.read(IRMS_A + channel.index)
            if current is None:
                return False
            if not channel.read_rms(voltage, current):
                return None
            frequency = _PERIOD_CLOCK_X100 // (period + 1)
            if _LEAST_HZ_X100 <= frequency <= _MOST_HZ_X100:
                channel.frequency_hz_x100 = frequency
        return True

    async def voltage_v_x100(self) -> "int | None":
        """Read the voltage of the first channel; None: the chip is silent."""
        voltage = await self._link.read(VRMS)
        return None if voltage is None else self.channels[0].voltage(voltage)
