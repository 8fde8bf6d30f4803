"""What stands in for the esp32 module: one data partition of 4 blocks."""


class Partition:
    TYPE_DATA = 1
    label = "keiki"

    @classmethod
    def find(cls, kind, label):
        return [cls()] if kind == cls.TYPE_DATA and label == cls.label else []

    def ioctl(self, op, _block):
        return {4: 4, 5: 4096}[op]
