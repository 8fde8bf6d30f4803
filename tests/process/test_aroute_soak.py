"""The heap of a whole meter after hundreds of associations; `make soak` does the same with 10,000."""

from tests.soak_aroute import GROWTH_MAX, soak


def test_the_heap_after_300_associations_is_that_after_20() -> None:
    assert soak(300, 7) <= GROWTH_MAX
