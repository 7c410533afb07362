"""The lines of n-grams in an ARPA file: a number, words, perhaps a number."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tamis.filters.kernels.arrays import Bytes, Hashes, Longs
from tamis.filters.kernels.compiled import at, inlined, kernel
from tamis.filters.kernels.murmur import murmur
from tamis.filters.ngram.levels import Floats, Keys
from tamis.filters.ngram.probing import look_up, signed

FINE, NO_NUMBER, TOO_LIKELY, FEW_WORDS, UNKNOWN_WORD, NO_WEIGHT, LAST_WEIGHT, LONG = range(8)
"""How a line is."""
LONGEST_LINE = 1 << 16
"""In bytes."""
_NEWLINE, _RETURN, _TAB, _SPACE = 10, 13, 9, 32
_MINUS, _PLUS, _DOT, _NULL, _NINE = 45, 43, 46, 48, 57
_SMALL_E, _LARGE_E = 101, 69
_DIGITS_KEPT = 15
_TENS = np.array([float(f"1e{power}") for power in range(23)])
"""Those that are exact; so are products and quotients of them and numbers of 15 digits, rounded
once."""
_LARGEST_POWER = 400


@kernel
def number_at(data: Bytes, place: int, stop: int) -> tuple[float, int]:
    """The decimal number at a place and where it ends; -1 if there is none.

    Digits after the fifteenth are read as 0.
    """
    negative = place < stop and data[at(place)] == _MINUS
    if place < stop and (data[at(place)] == _MINUS or data[at(place)] == _PLUS):
        place += 1
    digits, kept, power, any_digit, past_dot = 0, 0, 0, False, 0
    while place < stop:
        code: int = signed(data[at(place)])
        if _NULL <= code <= _NINE:
            any_digit = True
            if kept < _DIGITS_KEPT:
                digits = digits * 10 + code - _NULL
                kept += digits > 0
                power -= past_dot
            else:
                power += 1 - past_dot
        elif code == _DOT and not past_dot:
            past_dot = 1
        else:
            break
        place += 1
    if not any_digit:
        return 0.0, -1
    if place < stop and (data[at(place)] == _SMALL_E or data[at(place)] == _LARGE_E):
        exponent, place = _exponent_at(data, place + 1, stop)
        if place < 0:
            return 0.0, -1
        power += exponent
    value = _scaled(digits, power)
    return -value if negative else value, place


@kernel
def _exponent_at(data: Bytes, place: int, stop: int) -> tuple[int, int]:
    """A whole number of up to _LARGEST_POWER and where it ends; -1 if there is none."""
    negative = place < stop and data[at(place)] == _MINUS
    if place < stop and (data[at(place)] == _MINUS or data[at(place)] == _PLUS):
        place += 1
    start, value = place, 0
    while place < stop and _NULL <= data[at(place)] <= _NINE:
        code: int = signed(data[at(place)])
        value = min(value * 10 + code - _NULL, _LARGEST_POWER)
        place += 1
    return -value if negative else value, place if place > start else -1


@inlined
def _scaled(digits: int, power: int) -> float:
    scale: float = 10.0 ** float(power) if abs(power) > 22 else _TENS[abs(power)]
    return float(digits) / scale if -22 <= power < 0 else float(digits) * scale


@inlined
def _is_blank(code: int) -> bool:
    return code in (_SPACE, _TAB, _RETURN)


@kernel
def read_line(
    data: Bytes, place: int, stop: int, order: int, last: bool, bounds: Longs, numbers: Longs
) -> int:
    """Splits data[place:stop], one line, into its fields; gives how it is.

    bounds: gets the starts and the ends of its words. numbers: gets the float64 of the first number
    and of the one after the words, 0 if there is none. last: the order has no weights.
    """
    if stop - place > LONGEST_LINE:
        return LONG
    values = numbers.view(np.float64)
    while stop > place and _is_blank(data[at(stop - 1)]):
        stop -= 1
    value, place = number_at(data, place, stop)
    if place < 0 or place >= stop or not _is_blank(data[at(place)]):
        return NO_NUMBER
    if value > 0:
        return TOO_LIKELY
    values[0], values[1] = value, 0.0
    for word in range(order):
        while place < stop and _is_blank(data[at(place)]):
            place += 1
        if place == stop:
            return FEW_WORDS
        bounds[2 * word] = place
        while place < stop and not _is_blank(data[at(place)]):
            place += 1
        bounds[2 * word + 1] = place
    if place == stop:
        return FINE
    value, end = number_at(data, place + 1, stop)
    if end != stop:
        return NO_WEIGHT
    values[1] = value
    return LAST_WEIGHT if last and value != 0 else FINE


@kernel
def read_unigrams(
    data: Bytes, prob: Floats, backoff: Floats, hashes: Hashes, bounds: Longs
) -> tuple[int, int, int]:
    """Reads whole lines into the arrays, as many as they are long; gives how many, where the next
    one starts and how it is.

    bounds: two for every line, the start and the end of its word.
    """
    numbers = np.zeros(2, np.int64)
    values = numbers.view(np.float64)
    place = count = 0
    while count < prob.size:
        stop = _line_end(data, place)
        if stop == data.size:
            break
        wrong = read_line(data, place, stop, 1, False, bounds[2 * count :], numbers)
        if wrong:
            return count, place, wrong
        prob[count], backoff[count] = values[0], values[1]
        hashes[count] = murmur(data, bounds[2 * count], bounds[2 * count + 1])
        count += 1
        place = stop + 1
    return count, place, FINE


@kernel
def read_longer(
    data: Bytes,
    order: int,
    last: bool,
    bits: int,
    known: Hashes,
    ids: npt.NDArray[np.uint32],
    keys: Keys,
    prob: Floats,
    backoff: Floats,
) -> tuple[int, int, int]:
    """As `read_unigrams`, with the words looked up in a table."""
    numbers = np.zeros(2, np.int64)
    bounds = np.zeros(2 * order, np.int64)
    values = numbers.view(np.float64)
    place = count = 0
    while count < prob.size:
        stop = _line_end(data, place)
        if stop == data.size:
            break
        wrong = read_line(data, place, stop, order, last, bounds, numbers)
        if not wrong and not _write_key(data, order, bits, bounds, known, ids, keys[count]):
            wrong = UNKNOWN_WORD
        if wrong:
            return count, place, wrong
        prob[count], backoff[count] = values[0], values[1]
        count += 1
        place = stop + 1
    return count, place, FINE


@inlined
def _line_end(data: Bytes, place: int) -> int:
    while place < data.size and data[at(place)] != _NEWLINE:
        place += 1
    return place


@kernel
def _write_key(
    data: Bytes,
    order: int,
    bits: int,
    bounds: Longs,
    known: Hashes,
    ids: npt.NDArray[np.uint32],
    key: Hashes,
) -> bool:
    """Whether all words are known."""
    high = low = np.uint64(0)
    for word in range(order):
        place = look_up(known, murmur(data, bounds[2 * word], bounds[2 * word + 1]))
        if place < 0:
            return False
        number, shift = np.uint64(ids[at(place)]), word * bits
        if shift >= 64:
            high |= number << np.uint64(shift - 64)
        else:
            low |= number << np.uint64(shift)
            if shift:
                high |= number >> np.uint64(64 - shift)
    key[0], key[1] = high, low
    return True
