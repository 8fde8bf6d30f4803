"""The console answers each line, whatever the heap and the flash do."""

import json

from keiki.meter.console import Console


class Small(Console):
    """A console of which one operation fails in three ways."""

    def op_fails(self, request):
        raise (MemoryError, OSError, KeyError)[request["n"]]()


class Full(Console):
    """A console whose answer does not fit the heap."""

    def answer(self, line):
        raise MemoryError


def answer(line):
    return json.loads(Small(None).reply(line))


def test_an_operation_without_room_or_flash_says_so():
    for n, words in enumerate(("heap", "flash", "wrong arguments")):
        assert words in answer(b'{"op": "fails", "n": %d}\n' % n)["error"]


def test_an_answer_that_does_not_fit_the_heap_is_an_error_of_one_line():
    line = Full(None).reply(b'{"op": "status"}\n')
    assert "heap" in json.loads(line)["error"] and line.endswith(b"\n")


def test_garbage_gets_one_line_each():
    for line in (
        b"\n",
        b"[" * 900 + b"\n",
        b"\xff\xfe\n",
        b"[]\n",
        b'{"op": 3}\n',
        b"x" * 2000,
        b'{"op": "no"}\n',
    ):
        assert answer(line)["error"]
