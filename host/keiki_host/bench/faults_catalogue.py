"""Every fault the bench can play, one row each: its case, who plays it, its parameters.

The rows are the single source: the fault file is checked against them, the models ask for
them by name, and the table in docs/b-route.md is printed from them.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from keiki.wire import settings as table
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from keiki_host.settings_lines import LINES

Act = Literal["answer", "event", "state", "setting", "start"]
"""How a fault works: `answer`: asked at each use, probability and count per use; `event`: happens when its
time comes; `state`: so it is for the time; `setting`: the bench changes a setting of the meter for the time;
`start`: moves the start."""

VALUE_EPCS = (0xD0, 0xE0, 0xE2, 0xE3, 0xE4, 0xE7, 0xE8, 0xEA, 0xEB, 0xEC, 0xEE)
E1_CODES = (0x00, 0x01, 0x02, 0x03, 0x04, 0x0A, 0x0B, 0x0C, 0x0D)

Of = Literal["int", "int or absent", "number", "flag", "choice", "epcs"]


@dataclass(frozen=True)
class Param:
    """One parameter of a fault: `of` is its kind, `low`/`high` its range, `default` None means "left out"."""

    name: str
    of: Of
    default: Any
    line: str
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] = ()
    hexadecimal: bool = False

    def show(self, value: Any) -> str:
        """A value as one would write it in the file: codes in hexadecimal."""
        if self.hexadecimal and isinstance(value, int):
            digits = len(f"{int(self.high or 0xFF):X}")
            return f"0x{value:0{digits}X}"
        return _toml(value)

    @property
    def allowed(self) -> str:
        """What may be written, in words."""
        if self.of == "flag":
            return "true or false"
        if self.of == "choice":
            return f"one of {', '.join(self.show(choice) for choice in self.choices)}"
        if self.of == "epcs":
            return f"a list of {', '.join(f'0x{epc:02X}' for epc in VALUE_EPCS)}"
        kind = "a number" if self.of == "number" else "a whole number"
        absent = ' or "absent"' if self.of == "int or absent" else ""
        return f"{kind} {self.show(self.low)} to {self.show(self.high)}{absent}"

    @property
    def text(self) -> str:
        """The parameter for the documentation: name, what may be written, default."""
        default = "" if self.default is None else f", default {self.show(self.default)}"
        if self.of == "epcs" and self.default == VALUE_EPCS:
            default = ", default all of them"
        return f"`{self.name}`: {self.allowed}{default}"


@dataclass(frozen=True)
class FaultKind:
    """One row. `spec`: its group, L1..L10, air, module, IC or RTC; `who`: the part that plays it."""

    name: str
    spec: str
    who: str
    act: Act
    line: str
    params: tuple[Param, ...] = ()

    @property
    def radio_only(self) -> bool:
        """True if clients over UDP never meet this fault."""
        return self.who in RADIO_PARTS or self.who == UPLINK


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(f"0x{item:02X}" for item in value) + "]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _int(name: str, default: int | None, low: int, high: int, line: str) -> Param:
    return Param(name, "int", default, line, low, high)


def _num(name: str, default: float, low: float, high: float, line: str) -> Param:
    return Param(name, "number", default, line, low, high)


def _flag(name: str, default: bool | None, line: str) -> Param:
    return Param(name, "flag", default, line)


TEXT, J11, FRAMES, AIR = "text dongle", "J11 dongle", "ECHONET frames on the air", "air"
MODULE, IC, METER, BENCH = "meter's radio module", "metering IC", "meter setting", "bench"
MAINS, RTC, SWITCH, UPLINK = "mains", "clock chip", "relay and button", "uplink"
RADIO_PARTS = (TEXT, J11, FRAMES, AIR, MODULE)


def _live_settings() -> tuple[Param, ...]:
    """Every number and choice of the meter that may change while it runs, as an optional parameter."""
    params = []
    rows: Any = table.fields()
    for name, kind, _, limits, when in rows:
        line = LINES[name]
        if when != table.LIVE or kind == "names":
            continue
        if kind == "bool":
            params.append(_flag(name, None, line))
        elif kind == "choice":
            choices = tuple(limits or ())
            params.append(Param(name, "choice", None, line, choices=choices, hexadecimal=choices == E1_CODES))
        else:
            low, high = limits or (0, 0)
            of: Of = "int or absent" if kind.endswith("?") else "int"
            params.append(Param(name, of, None, line, low, high))
    return tuple(params)


_ROWS = (
    # name, group, who plays it, how, line, parameters
    FaultKind("erxudp_tokens", "L1", TEXT, "answer", "ERXUDP with one token more or fewer",
              (Param("tokens", "choice", "more", "which", choices=("more", "fewer")),)),
    FaultKind("binary_output", "L1", TEXT, "answer", "ERXUDP payload in binary whatever WOPT says"),
    FaultKind("hex_lowercase", "L1", TEXT, "answer", "hexadecimal in lower case"),
    FaultKind("ipv6_short", "L1", TEXT, "answer", "IPv6 addresses in their short form"),
    FaultKind("epandesc_no_pairid", "L2", TEXT, "answer", "EPANDESC without its PairID line"),
    FaultKind("epandesc_truncated", "L2", TEXT, "answer", "EPANDESC that stops in the middle"),
    FaultKind("two_pans", "L2", TEXT, "answer", "a scan finds a second PAN beside the meter's"),
    FaultKind("foreign_pan", "L2", TEXT, "answer", "a scan finds only a foreign PAN, with another PairID"),
    FaultKind("join_fail", "L3", TEXT, "answer", "EVENT 24 where 25 was due"),
    FaultKind("join_silent", "L3", TEXT, "answer", "EVENT 25, then no instance list and no answers"),
    FaultKind("meter_ends", "L3", TEXT, "event", "the meter ends the session: EVENT 26, then 27"),
    FaultKind("expire_rejoin", "L3", TEXT, "event", "the session expires and comes back: EVENT 29, then 25"),
    FaultKind("expire_fail", "L3", TEXT, "event", "the session expires and stays lost: EVENT 29, then 24"),
    FaultKind("expire_only", "L3", TEXT, "event", "the session expires and nothing follows: EVENT 29"),
    FaultKind("tx_limit", "L3", TEXT, "event", "the sending limit is reached: EVENT 32, later 33",
              (_num("seconds", 60.0, 0.1, 3600, "from 32 to 33"),)),
    FaultKind("tx_no_ack", "L4", TEXT, "answer", "a frame sent is not acknowledged: EVENT 21 with 01"),
    FaultKind("tx_neighbor", "L4", TEXT, "answer", "a neighbour search first: EVENT 21 02, 02, 21 00"),
    FaultKind("ok_before_event", "L4", TEXT, "answer", "OK of SKSENDTO before its EVENT 21"),
    FaultKind("glued", "L4", TEXT, "answer", "ERXUDP in one write with the OK or EVENT 25 before it"),
    FaultKind("no_answer", "L5", FRAMES, "answer", "the meter's answer is lost"),
    FaultKind("late_answer", "L5", FRAMES, "answer", "the meter's answer comes late, with its old TID",
              (_num("seconds", 12.0, 0, 600, "how late"),)),
    FaultKind("duplicate_answer", "L5", FRAMES, "answer", "the meter's answer comes twice"),
    FaultKind("old_tid", "L5", FRAMES, "answer", "the answer carries the TID of the request before"),
    FaultKind("wrong_seoj", "L5", FRAMES, "answer", "the answer comes from another object",
              (Param("seoj", "int", 0x028802, "the object it names", 0, 0xFFFFFF, hexadecimal=True),)),
    FaultKind("opc_mismatch", "L5", FRAMES, "answer", "the answer has one property too many",
              (_flag("malformed", False, "only the count says so, the property is not there"),)),
    FaultKind("epc_reordered", "L5", FRAMES, "answer", "properties in reverse order (of two or more)"),
    FaultKind("pdc_short", "L5", FRAMES, "answer", "property data shorter than their type",
              (_int("bytes", 1, 1, 200, "how many are missing"),)),
    FaultKind("pdc_zero", "L5", FRAMES, "answer", "Get_Res with empty property data"),
    FaultKind("unit_undefined", "L5", FRAMES, "answer", "E1 says a unit that is not defined",
              (Param("code", "int", 0x05, "the code", 0, 0xFF, hexadecimal=True),)),
    FaultKind("no_data", "L6", FRAMES, "answer", "no-data codes in place of the values",
              (Param("epcs", "epcs", VALUE_EPCS, "where"),)),
    FaultKind("negative", "L6", FRAMES, "answer", "negative power and currents (E7, E8)",
              (_int("power_w", -524, -2147483647, -1, "E7"),
               _int("current_a_x10", -70, -32767, -1, "E8, each phase that has a value"))),
    FaultKind("rollover", "L6", METER, "setting", "few digits, so that the counters roll over soon",
              (_int("digits", 3, 1, 8, "D7"),
               Param("unit", "choice", 0x02, "E1 code", choices=E1_CODES, hexadecimal=True))),
    FaultKind("meter_setting", "L6", METER, "setting", "settings of the meter change while it runs",
              _live_settings()),
    FaultKind("clock_offset", "L7", METER, "setting", "the meter's clock is off",
              (_int("seconds", 300, -86400, 86400, "fast (+) or slow (-)"),)),
    FaultKind("midnight", "L7", BENCH, "start", "the bench starts just before midnight in Japan",
              (_int("seconds", 60, 1, 3600, "before midnight"),)),
    FaultKind("infc_unacked", "L8", FRAMES, "answer", "the controller's INFC_Res is lost"),
    FaultKind("inf_during_get", "L8", FRAMES, "answer", "an announcement arrives just before a Get_Res"),
    FaultKind("push_late", "L8", METER, "setting", "EA and EB are pushed late in their five minutes",
              (_int("push_delay_s", 299, 0, 299, "after the slot boundary"),)),
    FaultKind("push_ea_only", "L8", METER, "setting", "EA is pushed without EB"),
    FaultKind("skterm_lost", "L9", TEXT, "answer", "SKTERM gets no answer from the meter: EVENT 28"),
    FaultKind("j11_header_checksum", "L10", J11, "answer", "the dongle answers: header checksum wrong"),
    FaultKind("j11_data_checksum", "L10", J11, "answer", "the dongle answers: data checksum wrong"),
    FaultKind("j11_start_fail", "L10", J11, "answer", "B-route start is answered 0E"),
    FaultKind("j11_pana_failed", "L10", J11, "answer", "PANA result 02, failed"),
    FaultKind("j11_pana_silent", "L10", J11, "answer", "PANA result 03, no answer"),
    FaultKind("j11_pana_down", "L10", J11, "event", "status 601A 04: the session is down"),
    FaultKind("j11_send_no_ack", "L10", J11, "answer", "send result Z = 5: not acknowledged"),
    FaultKind("j11_burst", "L10", J11, "answer", "reply and notices in one write"),
    FaultKind("loss", "air", AIR, "answer", "a datagram is lost"),
    FaultKind("delay", "air", AIR, "answer", "a datagram is late",
              (_int("ms", 500, 0, 600_000, "how late"),)),
    FaultKind("duplicate", "air", AIR, "answer", "a datagram arrives twice"),
    FaultKind("reorder", "air", AIR, "answer", "a datagram is overtaken by later ones",
              (_int("ms", 100, 1, 600_000, "how long it is held back"),)),
    FaultKind("module_reset", "module", MODULE, "event", "the meter's module restarts and forgets all"),
    FaultKind("module_fail", "module", MODULE, "answer", "the meter's module answers FAIL ER10"),
    FaultKind("module_hang", "module", MODULE, "answer", "the meter's module does not answer"),
    FaultKind("ic_reset", "IC", IC, "event", "the metering IC restarts: registers and counter at zero"),
    FaultKind("ic_silence", "IC", IC, "answer", "the metering IC does not answer"),
    FaultKind("ic_garbage", "IC", IC, "answer", "noise on the wire from the metering IC"),
    FaultKind("ic_counter_jump", "IC", IC, "answer", "the energy counter of the metering IC jumps",
              (_int("counts", 100_000, 1, 0xFFFFFF, "by how much"),)),
    FaultKind("power_cut", "mains", MAINS, "event", "no mains until the window ends: the meter is off",
              (_int("hold_up_ms", 100, 0, 10_000, "how long the meter's supply bears it"),)),
    FaultKind("uplink_cut", "uplink", UPLINK, "state", "nobody reaches the A-route, and the meter nobody"),
    FaultKind("uplink_deaf", "uplink", UPLINK, "answer", "what a head-end answers to a push is lost"),
    FaultKind("relay_stuck", "switch", SWITCH, "state", "the contact of the relay does not move"),
    FaultKind("button_press", "switch", SWITCH, "state", "somebody holds the meter's button"),
    FaultKind("rtc_battery", "RTC", RTC, "state",
              "the clock chip's battery is flat: when power comes back it has lost its time"),
    FaultKind("rtc_drift", "RTC", RTC, "state", "the clock chip is fast or slow",
              (_num("ppm", 100, -10_000, 10_000, "fast (+) or slow (-)"),)),
)  # fmt: skip

CATALOGUE: Mapping[str, FaultKind] = {row.name: row for row in _ROWS}
SETTING_FAULTS = tuple(row.name for row in _ROWS if row.act == "setting")


def find(name: str) -> FaultKind:
    """Return the row of fault `name`; ValueError if there is none (a misspelt name in our own code)."""
    kind = CATALOGUE.get(name)
    if kind is None:
        raise ValueError(f"no fault is called {name!r}")
    return kind


@functools.cache
def params_model(kind: FaultKind, base: type[BaseModel]) -> type[BaseModel]:
    """Return `base` with the parameters of `kind` as further fields; what is unknown is refused."""
    fields: dict[str, Any] = {}
    for param in kind.params:
        hint = _hint(param)
        fields[param.name] = (hint | None if param.default is None else hint, param.default)
    return create_model(f"Fault_{kind.name}", __base__=base, **fields)


def _no_bool(value: Any) -> Any:
    """Python's True is 1, also to pydantic's Literal."""
    if isinstance(value, bool):
        raise ValueError("bool")
    return value


def _one_of(choices: tuple[Any, ...]) -> Any:
    literal: Any = Literal
    return Annotated[literal[choices], BeforeValidator(_no_bool)]


def _hint(param: Param) -> Any:
    if param.of in ("int", "int or absent"):
        hint: Any = Annotated[int, Field(ge=param.low, le=param.high)]
        return hint if param.of == "int" else hint | Literal["absent"]
    if param.of == "number":
        return Annotated[float, Field(ge=param.low, le=param.high, allow_inf_nan=False)]
    if param.of == "flag":
        return bool
    if param.of == "choice":
        return _one_of(param.choices)
    return Annotated[list[_one_of(VALUE_EPCS)], Field(min_length=1)]  # type: ignore[misc]


class Strict(BaseModel):
    """No conversions, no unknown keys: what is written is what is meant."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def effective_params(kind: FaultKind, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a model gets: checked parameters with defaults, and `fault`, the name (so never empty).

    A fault of act `setting` gets them as `settings: dict`, as the meter's console takes them (only
    what is given or has a default; "absent" is None), and `clock_step_ms`, by how much its clock moves.
    """
    checked = dict(params_model(kind, Strict)(**given))
    if kind.act != "setting":
        return {"fault": kind.name, **checked}
    settings = {name: value for name, value in checked.items() if value is not None}
    if kind.params and not settings:
        raise ValueError(f"{', '.join(checked)}: one of these must be given")
    clock_step_ms = 0
    if kind.name == "clock_offset":
        clock_step_ms = 1000 * settings.pop("seconds")
    elif kind.name == "push_ea_only":
        settings = {"push_ea": True, "push_eb": False}
    settings = {name: None if value == "absent" else value for name, value in settings.items()}
    return {"fault": kind.name, "settings": settings, "clock_step_ms": clock_step_ms}
