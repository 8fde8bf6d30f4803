"""Print what each module takes of the heap when it is imported: micropython heap.py PATH MODULE ..

PATH is a folder of .mpy, whose code is copied into the heap, or a ROMFS image, whose code stays there.
"""

import gc
import sys

import uctypes
import vfs

path = sys.argv[1]
if path.endswith(".img"):
    with open(path, "rb") as image:
        size = image.seek(0, 2)
    # memory of the stack that is mapped and never reached: none of the heap's
    with open("/proc/self/maps") as maps:
        for line in maps:
            if line.rstrip().endswith("[stack]"):
                low = int(line.split("-")[0], 16)
    rom = uctypes.bytearray_at((low - 256 * 1024 - size) & ~15, size)
    with open(path, "rb") as image:
        image.readinto(rom)
    vfs.mount(vfs.VfsRom(rom), "/rom")
    path = "/rom"
sys.path.insert(0, path)
gc.collect()
before = gc.mem_alloc()
for name in sys.argv[2:]:
    __import__(name)
    gc.collect()
    now = gc.mem_alloc()
    print(name, now - before)
    before = now
