"""Pulses counted by a state machine of the RP2's PIO, which needs neither interrupts nor Python.

Document: RP2040 datasheet, 3.4 (instruction set).
"""

# pyright: reportUndefinedVariable=false
import machine
import rp2  # pyright: ignore[reportMissingImports]

_machines: list = []


@rp2.asm_pio()
def _count():
    wrap_target()  # noqa: F821 - words of the assembler
    wait(0, pin, 0)  # noqa: F821
    wait(1, pin, 0)  # noqa: F821
    jmp(x_dec, "next")  # noqa: F821 - x counts down, wherever it goes
    label("next")  # noqa: F821
    wrap()  # noqa: F821


def counter(pin: int):
    """Return a function that tells how many pulses input `pin` has had, modulo 2^32."""
    found = rp2.StateMachine(len(_machines), _count, in_base=machine.Pin(pin, machine.Pin.IN))
    _machines.append(found)
    found.exec("set(x, 0)")
    found.active(1)

    def read() -> int:
        found.exec("mov(isr, x)")
        found.exec("push()")
        return -found.get() & 0xFFFFFFFF

    return read
