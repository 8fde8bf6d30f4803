"""Blocks that are moved to even out wear, and the power goes: of two with the same records one stays."""

from keiki.drivers import flashlog_header as header
from keiki.drivers.flashlog import Flash, Log
from nor import INSIDE, Nor
from test_flashlog import held, record
from test_flashlog_faults import block_of, filled


def test_of_two_blocks_with_the_same_sequences_the_fuller_one_is_kept():
    for order in (0, 1):
        nor = Nor(16, 512)
        flash = filled(nor, 30)._flash
        block = block_of(flash, 22)
        target = block - 1 if order else block + 3
        nor._view[target * 512 : target * 512 + 512] = b"\xff" * 512
        head = bytearray(header.SIZE)
        header.pack_into(head, 3, 21, 22, 9)
        nor.writeblocks(target, head, 0)
        expected = {n: record(n) for n in range(30)}
        if order:  # that block had 0..21
            expected = {n: record(n) for n in range(22, 30)}
        for _ in range(2):
            flash = Flash(nor)
            assert held(Log(flash, 3, 21, 4)) == expected
        assert flash.counts["twins"] == 0


def test_of_a_block_and_its_copy_the_copy_is_kept_however_far_the_release_came():
    expected = {n: record(n) for n in range(30)}
    for order in (0, 1):
        for done in range(len(header.RELEASE) + 1):
            nor = Nor(16, 512)
            block = block_of(filled(nor, 30)._flash, 0)
            target = block - 3 if order else block + 3
            image = bytearray(nor._view[block * 512 : block * 512 + 512])
            header.pack_into(image, 3, 21, 0, 9)
            nor._view[target * 512 : target * 512 + 512] = image
            nor.writeblocks(block, header.RELEASE[:done], header.RELEASE_AT)
            for _ in range(2):
                flash = Flash(nor)
                assert held(Log(flash, 3, 21, 4)) == expected, (order, done)
                assert (flash.kinds[block], flash.kinds[target]) == (0, 3), (order, done)
            assert header.parse_copy(nor._view[target * 512 :], header.COPY), (order, done)


def test_a_cut_at_any_operation_of_a_move_loses_nothing():
    expected = {n: record(n) for n in range(44)}
    for page in (1, 256):
        for seed in range(40):
            for at in range(6):  # erase, two parts, header, release
                nor = Nor(16, 512, page, seed)
                flash = filled(nor, 44)._flash
                cold = block_of(flash, 22 * (seed & 1))
                target = next(block for block in range(16) if not flash.kinds[block])
                flash.erases[target] = 9
                nor.cut_at, nor.cut_how = nor.ops + at, INSIDE
                try:
                    flash._move(cold, target)
                except OSError:
                    assert nor.dead
                nor = nor.reboot()
                for _ in range(3):
                    assert held(Log(Flash(nor, page), 3, 21, 4)) == expected, (page, seed, at)
