"""What is said of a result in pieces: of the PSF what the samples said, of the rest the pieces."""

import pytest

from napari_tf_deblur._large.run import verdict_of
from napari_tf_deblur.verdict import SENTENCES, Verdict

PIECES = {"(0, 0)": "fits", "(0, 64)": "noise fitted", "(64, 0)": "over-smoothed"}


@pytest.mark.parametrize("kind", ["PSF too wide", "PSF too narrow"])
@pytest.mark.parametrize("is_most", [True, False])
def test_a_psf_that_samples_call_wrong_is_wrong_in_all_pieces(kind, is_most):
    other = ("over-smoothed", ("0",))
    samples = (
        Verdict(kind, planes=6, others=(other,))
        if is_most
        else Verdict("over-smoothed", planes=6, others=((kind, ("1", "2")),))
    )
    found = verdict_of(PIECES, samples)
    assert found.kind == kind
    assert found.others == (("over-smoothed", ("(64, 0)",)),)
    assert str(found).startswith(SENTENCES[kind])


def test_of_another_psf_the_pieces_say_what_they_leave_over():
    found = verdict_of({**PIECES, "(64, 64)": "fits"}, Verdict("noise fitted", "untested"))
    assert (found.kind, found.psf, found.planes) == ("fits", "untested", 4)
    assert verdict_of({}, Verdict("unknown")) == Verdict("unknown")
