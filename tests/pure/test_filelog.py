"""The log on files: the interface of the flash log, over a file system whose flush is durable."""

import sys

from check import raises
from keiki.drivers.filelog import FileLog, Files
from nor import AFTER, BEFORE, INSIDE, Nor
from test_flashlog import held, record


class Handle:
    """An open file: what is written is durable at flush."""

    def __init__(self, system, path, mode):
        self.system, self.path, self.at = system, path, 0
        if mode == "wb" or (mode == "ab" and path not in system.content):
            system.content[path] = b""
        self.pending = b""
        self.mode = mode
        system.handles.append(self)
        self.size = len(system.content[path])

    def write(self, data):
        self.pending += bytes(data)
        return len(data)

    def flush(self):
        pending, self.pending = self.pending, b""
        self.system.step(self.path, pending)

    def seek(self, offset, whence=0):
        self.at = offset if not whence else self.size
        return self.at

    def readinto(self, buffer):
        data = self.system.content[self.path][self.at : min(self.size, self.at + len(buffer))]
        buffer[: len(data)] = data
        self.at += len(data)
        return len(data)

    def close(self):
        if self.pending:
            self.flush()
        if self in self.system.handles:
            self.system.handles.remove(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Memory:
    """A file system in the heap; `fail_at` is the flush that fails after `part` of its bytes."""

    def __init__(self):
        self.content = {}
        self.handles = []
        self.flushes = 0
        self.fail_at = -1
        self.part = 0

    def open(self, path, mode):
        return Handle(self, path, mode)

    def listdir(self, folder):
        return [path[len(folder) + 1 :] for path in self.content] + ["other.txt", "03-zz.log"]

    def remove(self, path):
        del self.content[path]

    def step(self, path, data):
        self.flushes += 1
        if self.flushes == self.fail_at:
            self.content[path] += data[: self.part]
            raise OSError(5)
        self.content[path] += data


def test_records_are_read_back_and_the_oldest_segment_goes_over_quota():
    system = Memory()
    log = FileLog(Files(system, "/log"), 3, 1000, 3)
    assert log.slots == 4
    for n in range(50):
        assert log.append(record(n)) == n
        assert log.oldest == max(0, n // 4 - 2) * 4
    wanted = {n: record(n) + b"\xff" * 979 for n in range(40, 50)}
    assert held(log) == wanted
    assert sorted(system.content) == ["/log/03-%08x.log" % n for n in (40, 44, 48)]
    log = FileLog(Files(system, "/log"), 3, 1000, 3)
    assert (log.oldest, log.end) == (40, 50)
    assert held(log) == wanted
    assert log.append(record(50)) == 50


def test_a_failed_append_is_not_a_record_and_the_next_one_is():
    for part in (0, 5, 20, 21):
        system = Memory()
        log = FileLog(Files(system, "/log"), 3, 21, 3)
        for n in range(10):
            log.append(record(n))
        system.fail_at, system.part = system.flushes + 1, part
        raises(OSError, log.append, record(10))
        sequence = log.append(record(11))
        wanted = {n: record(n) for n in range(10)}
        if part == 21:
            wanted[10] = record(10)
        wanted[sequence] = record(11)
        assert held(log) == wanted
        assert held(FileLog(Files(system, "/log"), 3, 21, 3)) == wanted


def test_a_corrupt_record_and_a_lost_segment_are_told():
    system = Memory()
    log = FileLog(Files(system, "/log"), 3, 1000, 5)
    for n in range(18):
        log.append(record(n, 996))
    path = "/log/03-%08x.log" % 12
    system.content[path] = system.content[path][:1500] + b"?" + system.content[path][1501:]
    del system.content["/log/03-%08x.log" % 4]
    files = Files(system, "/log")
    log = FileLog(files, 3, 1000, 5)
    assert files.lost == [("records", 3, 4, 8)]
    assert held(log) == {n: record(n, 996) for n in range(18) if not 4 <= n < 8 and n != 13}


def test_however_many_logs_there_are_one_file_is_open_to_write_and_one_to_read():
    system = Memory()
    files = Files(system, "/log", 36)
    logs = [FileLog(files, kind, 36 - kind, 3) for kind in range(1, 7)]
    for n in range(40):
        for log in logs:
            log.append(record(n, log.payload_size))
            assert held(log)[n] == record(n, log.payload_size)
            assert {handle.mode for handle in system.handles} == {"ab" if n else "wb", "rb"}
            assert len(system.handles) == 2
    again = Files(system, "/log", 36)
    assert [held(FileLog(again, log.kind, 36 - log.kind, 3)) for log in logs] == [held(log) for log in logs]


def test_wrong_use_is_refused():
    files = Files(Memory(), "/log")
    log = FileLog(files, 3, 21, 3)
    raises(ValueError, log.append, bytes(18))
    raises(IndexError, log.read_into, 0, bytearray(17))
    raises(ValueError, FileLog, files, 255, 21, 3)
    raises(ValueError, FileLog, files, 4, 21, 1)
    raises(ValueError, FileLog, files, 4, 4, 2)
    raises(ValueError, FileLog, files, 4, 5000, 2)


if sys.implementation.name == "micropython":
    import vfs  # pyright: ignore[reportMissingImports]

    class Returns:
        """The emulated flash with errors as littlefs takes them, returned.

        A raise jumps out of littlefs in the middle of its work: it keeps a file in its list that the
        collector frees, and reads that memory later.
        """

        def __init__(self, nor):
            self._nor = nor

        def _call(self, call, *args):
            try:
                return call(*args)
            except OSError as error:
                return -error.errno

        def readblocks(self, *args):
            return self._call(self._nor.readblocks, *args)

        def writeblocks(self, *args):
            return self._call(self._nor.writeblocks, *args)

        def ioctl(self, *args):
            return self._call(self._nor.ioctl, *args)

    class LittleFs:
        """MicroPython's own littlefs on the emulated flash."""

        def __init__(self, nor, fresh):
            device = Returns(nor)
            if fresh:
                vfs.VfsLfs2.mkfs(device)
            self._vfs = vfs.VfsLfs2(device)
            self._vfs.mount(False, False)

        def open(self, path, mode):
            return self._vfs.open(path, mode)

        def listdir(self, folder):
            return [entry[0] for entry in self._vfs.ilistdir(folder)]

        def remove(self, path):
            self._vfs.remove(path)

    def test_power_cuts_on_littlefs_lose_no_record_and_no_order():
        nor = Nor(12, 4096)
        system = LittleFs(nor, True)
        log = FileLog(Files(system, ""), 3, 500, 3)
        sure = {}
        for n in range(60):
            sure[log.append(record(n))] = record(n)
        for n in range(60, 150):
            nor.cut_at, nor.cut_how = nor.ops + n * 7 % 23, (BEFORE, AFTER, INSIDE)[n % 3]
            try:
                for _ in range(8):
                    sequence = log.end
                    sure[log.append(record(n))] = record(n)
            except OSError:
                pass
            buffer = bytearray(17)
            nor = nor.reboot(move=True)
            nor.weak.clear()
            log = FileLog(Files(LittleFs(nor, False), ""), 3, 500, 3)
            if log.end == sequence + 1 and sequence not in sure:
                sure[sequence] = record(n)
            assert log.end == max(sure) + 1
            for sequence in [s for s in sure if s < log.oldest]:
                del sure[sequence]
            for sequence, payload in sure.items():
                assert log.read_into(sequence, buffer), sequence
                assert buffer == payload
            assert log.end - log.oldest >= 16
