"""A log in the heap with the interface of drivers/flashlog.Log, for tests."""


class RingLog:
    """A ring of `capacity` records, each a block of its own.

    `torn` holds sequences that read as False, as after a power cut.
    """

    slots = 1
    room = 0

    def __init__(self, record_size, capacity):
        self.payload_size = record_size
        self.capacity = capacity
        self.view = memoryview(bytearray(record_size * capacity))
        self.end = 0
        self.torn = set()

    @property
    def oldest(self):
        return max(0, self.end - self.capacity)

    def slot(self, sequence):
        at = sequence % self.capacity * self.payload_size
        return self.view[at : at + self.payload_size]

    def append(self, data):
        if len(data) > self.payload_size:
            raise ValueError("too long")
        slot = self.slot(self.end)
        slot[: len(data)] = data
        for at in range(len(data), self.payload_size):
            slot[at] = 255
        self.end += 1
        return self.end - 1

    def lose(self, count):
        """Leave out sequences, as a log does where blocks were lost."""
        for _ in range(count):
            self.torn.add(self.append(b""))

    def read_into(self, sequence, buffer):
        if not self.oldest <= sequence < self.end:
            raise IndexError("record %d is not held" % sequence)
        if sequence in self.torn:
            return False
        buffer[:] = self.slot(sequence)[: len(buffer)]
        return True

    def read_run(self, sequence, view):
        """Read several records, as flashlog.Log.read_run does."""
        stride = self.payload_size + 4
        count = min(len(view) // stride, self.end - sequence)
        for i in range(count):
            at = i * stride
            view[at : at + self.payload_size] = self.slot(sequence + i)
            view[at + self.payload_size : at + stride] = bytes((sequence + i not in self.torn, 0, 0, 0))
        return count
