"""Run pure test files under MicroPython: micropython tests/pure/run.py FILE ...

Exits 1 on a failure, an import error, a file without tests, or an async test.
"""

import gc
import sys


def run(path, tally):
    name = path.split("/")[-1][:-3]
    try:
        module = __import__(name)
    except Exception as error:
        print("ERROR", path)
        sys.print_exception(error)
        tally[1] += 1
        return
    found = 0
    for attribute in sorted(dir(module)):
        if not attribute.startswith("test_"):
            continue
        found += 1
        gc.collect()
        try:
            if getattr(module, attribute)() is not None:
                raise AssertionError("a test returned something: was it async?")
            tally[0] += 1
        except Exception as error:
            print("FAIL", path, attribute)
            sys.print_exception(error)
            tally[1] += 1
    if not found:
        print("ERROR", path, "holds no test")
        tally[1] += 1


tally = [0, 0]
for path in sys.argv[1:]:
    run(path, tally)
print("%d passed, %d failed" % (tally[0], tally[1]))
sys.exit(1 if tally[1] or not tally[0] else 0)
