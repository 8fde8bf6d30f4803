"""GCM in every variant: 10,000 random cases against `cryptography`; and viper is in the firmware's image."""

import platform
import random
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from keiki_host.bench.firmware_image import NATIVE, FirmwareImage
from keiki_host.bench.firmware_names import translated

CASES = 10_000
CHECK = """
import sys
from binascii import unhexlify
if sys.argv[1] == "host":
    from keiki.wire.cosem.gcm_host import Gcm
elif sys.argv[1] == "viper":
    from keiki.wire.cosem import gcm, ghash_viper
    Gcm = lambda key: gcm.Gcm(key, ghash_viper)
else:
    from keiki.wire.cosem import gcm, ghash_plain
    Gcm = lambda key: gcm.Gcm(key, ghash_plain)
done = 0
for line in sys.stdin:
    key, nonce, aad, text, sealed = [unhexlify(part) for part in line.strip().split(",")]
    one = Gcm(key)
    buffer = bytearray(text) + bytearray(12)
    end = one.seal(buffer, 0, len(text), nonce, aad)
    assert bytes(buffer) == sealed, line
    assert one.open(buffer, 0, end, nonce, aad) == len(text), line
    assert bytes(buffer[: len(text)]) == text, line
    buffer[: len(sealed)] = sealed
    at = done % len(sealed)
    buffer[at] ^= 1 << (done & 7)
    assert one.open(buffer, 0, end, nonce, aad) == -1, line
    done += 1
print(done)
"""
LOADED = """
import sys, vfs
with open(sys.argv[1], "rb") as image:
    vfs.mount(vfs.VfsRom(image.read()), "/rom")
sys.path[:] = ["/rom", ".frozen"]
from keiki.wire import compat
print(compat.ghash().__name__)
from keiki.wire.cosem.gcm import Gcm
print(Gcm(bytes(16)).mac(bytes(12), b"").hex())
"""


def random_cases(seed: int) -> str:
    """One case a line: key, nonce, additional data, text, ciphertext with tag, in hex."""
    dice = random.Random(seed)
    lines = []
    for _ in range(CASES):
        key, nonce = dice.randbytes(16), dice.randbytes(12)
        aad = dice.randbytes(dice.choice((0, 17, 17, 17, 33, dice.randrange(80))))
        text = dice.randbytes(dice.choice((dice.randrange(64), dice.randrange(64), dice.randrange(400))))
        sealed = AESGCM(key).encrypt(nonce, text, aad)[:-4]
        lines.append(",".join(part.hex() for part in (key, nonce, aad, text, sealed)))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("variant", ["viper", "plain", "host"])
def test_10000_random_cases_agree_with_cryptography(
    variant: str, tmp_path: Path, micropython: str, mpy_env: dict[str, str]
) -> None:
    script = tmp_path / "check.py"
    script.write_text(CHECK)
    interpreter = [sys.executable] if variant == "host" else [micropython, "-X", "heapsize=128wK"]
    done = subprocess.run(
        [*interpreter, str(script), variant],
        input=random_cases(7),
        env=mpy_env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout == f"{CASES}\n", done.stdout + done.stderr


def test_the_firmware_has_viper_in_its_image(
    tmp_path: Path, micropython: str, mpy_env: dict[str, str], request: pytest.FixtureRequest
) -> None:
    image = FirmwareImage()
    request.addfinalizer(image.close)
    script = tmp_path / "loaded.py"
    script.write_text(translated(LOADED, image.names))
    done = subprocess.run(
        [micropython, "-X", "heapsize=512wK", str(script), str(image.main.parent / "rom.img")],
        env=mpy_env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    expected = "viper" if platform.machine() in NATIVE else "plain"
    tag = AESGCM(bytes(16)).encrypt(bytes(12), b"", b"")[:12].hex()
    assert done.stdout.split() == [f"keiki.wire.cosem.ghash_{expected}", tag], done.stderr
