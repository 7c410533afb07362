"""UTF-8 to code points and their properties, decoded once and shared by every kernel."""

from __future__ import annotations

from tamis.filters.kernels.arrays import Bytes, Flags, Ints
from tamis.filters.kernels.compiled import at, kernel


@kernel
def decode(data: Bytes, start: int, stop: int, flags: Flags, codes: Ints, props: Flags) -> int:
    """Writes the code points of data[start:stop] and their flags; gives how many there are.

    flags are those of unicode_tables; codes and props hold at least stop - start. Bytes that are no
    UTF-8 are read as something, never beyond stop.
    """
    count = 0
    place = start
    while place < stop:
        code = int(data[at(place)])
        width = 1
        if code >= 0x80:
            width = 2 if code < 0xE0 else 3 if code < 0xF0 else 4
            code &= 0x7F >> width
            for k in range(place + 1, min(place + width, stop)):
                code = code << 6 | int(data[k] & 0x3F)
            code = min(code, 0x10FFFF)
        codes[at(count)] = code
        props[at(count)] = flags[at(code)]
        count += 1
        place += width
    return count
