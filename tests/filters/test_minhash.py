"""Signatures against plain Python and datasketch, and estimates against theory."""

from itertools import pairwise

import datasketch
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import minhash as reference
from reference.texts import texts

from tamis.filters.kernels.shingles import BLOCK, CHUNK
from tamis.filters.kernels.shingles import lower as lower_kernel
from tamis.filters.minhash import Signer, base_hashes
from tamis.filters.minhash_settings import NAMED, Banding, Shingling

WORDS = Shingling()
bandings = st.sampled_from([Banding(1, 1), Banding(3, 5, 64), Banding(2, 11), Banding(seed=9)])


def packed(parts):
    data = [part.encode() for part in parts]
    ends = np.cumsum([0, *map(len, data)])
    return np.frombuffer(b"".join(data), np.uint8), ends.astype(np.int64)


def sign(parts, shingling=WORDS, banding=NAMED["default"][1]):
    return Signer(shingling, banding).sign(*packed(parts))


@settings(max_examples=200)
@given(st.lists(texts, max_size=3), bandings, st.sampled_from(["words", "characters"]))
def test_signatures_are_those_of_the_definition(parts, banding, unit):
    shingling = Shingling(3, unit)
    signer = Signer(shingling, banding)
    found = signer.sign(*packed(parts))
    assert found.signatures.dtype.itemsize * 8 == banding.bits
    wanted = [reference.signature(part, shingling, banding) for part in parts]
    assert found.signatures.tolist() == wanted
    assert found.shingles.tolist() == [len(reference.shingles(part, shingling)) for part in parts]
    keys = signer.keys(found.signatures)
    assert keys.T.tolist() == [reference.keys(row, banding.rows) for row in wanted]


@settings(max_examples=100)
@given(st.lists(texts, max_size=4), st.sampled_from(["words", "characters"]))
def test_sets_are_those_of_the_definition(parts, unit):
    shingling = Shingling(2, unit)
    found = Signer(shingling, Banding()).sets(*packed(parts))
    bounds = found.offsets.tolist()
    rows = [found.values[a:b].tolist() for a, b in pairwise(bounds)]
    assert rows == [sorted(set(reference.hashes(part, shingling))) for part in parts]


@pytest.mark.parametrize(("bits", "scheme"), [(32, "legacy"), (64, "affine64")])
@pytest.mark.parametrize("banding", [(14, 8), (9, 13), (1, 1), (1, BLOCK + 3)])
def test_signatures_are_datasketchs(banding, bits, scheme):
    banding = Banding(*banding, bits)
    text = " ".join(str(number * number % 1009) for number in range(CHUNK + 300))
    for part in (text, "three words only", "five words are one shingle"):
        other = datasketch.MinHash(
            banding.permutations, permutations=banding.values, hashfunc=lambda h: h, scheme=scheme
        )
        other.update_batch(base_hashes(part, WORDS, bits).tolist())
        assert sign([part], WORDS, banding).signatures[0].tolist() == other.hashvalues.tolist()


def test_the_order_of_a_batch_does_not_matter():
    parts = ["", "a b c d e f", "één twee", "漢字かな交じり文", "\0", "a b c d e f", "x " * 3000]
    first = sign(parts)
    assert first.shingles.tolist() == [0, 2, 1, 4, 0, 2, 2996]
    again = sign(parts[::-1])
    assert first.signatures.tolist() == again.signatures[::-1].tolist()
    assert (first.signatures[0] == np.iinfo(np.uint32).max).all()
    assert (first.signatures[1] == first.signatures[5]).all()


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("union", [7, 40, 1000, 100_000])
@pytest.mark.parametrize("similarity", [0.2, 0.8])
def test_estimates_scatter_as_theory_says(bits, union, similarity):
    """Mean and spread of estimates over random sets: four standard errors, some 1 in 8,000 each."""
    banding = Banding(16, 16, bits)
    count = 400 if union < 10_000 else 60
    rest = max(round((1 - similarity) * union / 2), 1)
    shared = union - 2 * rest
    draw = np.random.default_rng(union + bits)
    kind = np.uint32 if bits == 32 else np.uint64
    factors, summands = (part.astype(kind) for part in banding.values)
    found = np.empty(count)
    for trial in range(count):
        sets = draw.integers(0, 1 << bits, union, kind)
        pair = np.full((2, banding.permutations), np.iinfo(kind).max, kind)
        for signature, part in zip(pair, (sets[: shared + rest], sets[rest:]), strict=True):
            lower_kernel(
                np.append(part, part[:1].repeat(8)), len(part), factors, summands, signature
            )
        found[trial] = (pair[0] == pair[1]).mean()
    share = shared / union
    spread = np.sqrt(share * (1 - share) / banding.permutations)
    assert abs(found.mean() - share) < 4 * spread / np.sqrt(count)
    assert abs(found.std() / spread - 1) < 4 / np.sqrt(2 * count)


def test_the_curve_is_that_of_bands_and_rows():
    """FineWeb's, as its paper gives it."""
    banding = NAMED["fineweb"][1]
    shares = banding.found([0.7, 0.75, 0.8, 0.85])
    assert np.round(shares, 3).tolist() == pytest.approx([0.565, 0.772, 0.924, 0.988], abs=1e-3)
    for _, named in NAMED.values():
        assert named.found(named.midpoint()) == pytest.approx(0.5)
    assert banding.found(1) == 1
    assert banding.found(0) == 0


def test_permutations_hang_on_the_seed_alone():
    """Those of splitmix64: 0xE220A8397B1DCDAF is its first number for the seed 0."""
    factors, summands = Banding(seed=0, bits=64).values
    assert int(factors[0]) == 0xE220A8397B1DCDAF
    assert int(summands[0]) == 0x6E789E6AA1B965F4
    short, long = Banding(1, 4).values, Banding(450, 20).values
    assert short.factors.tolist() == long.factors[:4].tolist()
    assert (long.factors % 2 == 1).all()
    assert int(long.factors.max()) * ((1 << 32) - 1) + int(long.summands.max()) < (1 << 61) - 1
    assert Banding(seed=2).values.factors.tolist() != Banding().values.factors.tolist()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Shingling(0),
        lambda: Shingling(unit="lines"),
        lambda: Shingling(digits="drop"),
        lambda: Banding(0),
        lambda: Banding(rows=-1),
        lambda: Banding(1000, 1000),
        lambda: Banding(bits=16),
        lambda: Banding(seed=-1),
    ],
)
def test_senseless_settings_are_refused(make):
    with pytest.raises(ValueError, match="not"):
        make()
