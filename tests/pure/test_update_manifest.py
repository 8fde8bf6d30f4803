"""Manifests: what may be in one, and what fits a meter."""

from check import raises
from keiki.wire import update_manifest as manifest
from keiki.wire.update_manifest import BundleError

GOOD = {"board": "unix", "version": "0.2.0", "needs keiki": "0.1.0", "needs micropython": "1.24.0"}


def fit(running="0.1.0", board="unix", micropython=(1, 28, 0, ""), older=False, **other):
    said = dict(GOOD)
    for name, value in other.items():
        said[name.replace("_", " ")] = value
    manifest.check_fit(said, board, running, micropython, older)


def test_the_first_line_says_how_long_the_head_is():
    line = manifest.first_line(812)
    assert line == b"keiki-update 1 000812\n" and len(line) == manifest.FIRST
    assert manifest.head_size(line) == 812 + 384


def test_other_first_lines_are_no_update():
    for line in (b"", b"keiki-update 1 000812", b"keiki-update 2 000812\n", b"keiki-update 1 000001\n",
                 b"keiki-update 1 999999\n", b"keiki-update 1 -00812\n", b"PK" * 11):  # fmt: skip
        raises(BundleError, manifest.head_size, line)


def test_lines_say_what_they_say():
    digest = bytes(range(32))
    assert manifest.parse_line(b"needs keiki 0.1.0\n") == ("needs keiki", "0.1.0")
    assert manifest.parse_line(b"board unix\n") == ("board", "unix")
    line = b"file 7 %s keiki/meter/app.mpy\n" % "".join(["%02x" % byte for byte in digest]).encode()
    assert manifest.parse_line(line) == ("file", 7, digest, "keiki/meter/app.mpy")


def test_lines_that_cannot_be_are_refused():
    digest = b"00" * 32
    for line in (b"board unix", b"", b"x" * 300 + b"\n", b"\xff\xfe\n", b"file 7\n", b"file 7 00 a\n",
                 b"file -7 " + digest + b" a\n", b"file 9999999 " + digest + b" a\n",
                 b"file 7 " + b"zz" * 32 + b" a\n"):  # fmt: skip
        raises(BundleError, manifest.parse_line, line)


def test_no_path_leads_out_of_its_folder():
    manifest.check_path("keiki/wire/slots.mpy")
    for path in ("", "/boot.py", "../key", "a/../../key", "a//b", "a/", "./a", "a b", "a\x00", "x" * 100):
        raises(BundleError, manifest.check_path, path)


def test_only_what_fits_the_meter_is_taken():
    fit()
    fit(running="0.2.0")  # the same once more
    for wrong in (
        {"board": "unix_ade7953"}, {"running": "0.2.1"}, {"running": "0.0.9"}, {"micropython": (1, 23, 9)},
        {"version": "0.2"}, {"version": "0.2.x"}, {"version": "0.2.1000"}, {"needs_keiki": "one"},
    ):  # fmt: skip
        raises(BundleError, lambda wrong=wrong: fit(**wrong))
    for word in GOOD:
        said = dict(GOOD)
        del said[word]
        raises(BundleError, manifest.check_fit, said, "unix", "0.1.0", (1, 28, 0), False)


def test_an_older_version_needs_a_word_of_the_signer_or_of_who_stands_by():
    raises(BundleError, fit, running="0.10.0")
    fit(running="0.10.0", older=True)
    said = dict(GOOD)
    said["older"] = "allowed"
    manifest.check_fit(said, "unix", "0.10.0", (1, 28, 0), False)
