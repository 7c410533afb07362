"""The learning rate of every step: warm-up, then a cosine, or a plateau that decays at its end."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi

FLOOR = 0.1
"""What a cosine ends at, of its peak."""
DECAY = 0.1
"""The share of a run that decays to nothing after its plateau."""


@dataclass(frozen=True)
class Schedule:
    """A learning rate as a function of the step, from 0 to `steps` - 1."""

    kind: str
    """"wsd": warm-up, stable, linear decay to 0; "cosine": warm-up, cosine to a tenth."""
    peak: float
    warmup: int
    """Steps that rise to the peak: the last of them has it."""
    steps: int

    @property
    def decays(self) -> int:
        """The first step whose rate is no more the plateau's; of a cosine, the end of warm-up."""
        if self.kind == "cosine":
            return min(self.warmup, self.steps)
        return self.steps - max(1, round(DECAY * self.steps))

    def rate(self, step: int) -> float:
        """The learning rate of a step.

        The decay meets a warm-up that it finds not over: a run so short has no plateau, and the
        lower of the two counts.
        """
        rising = min(1.0, (step + 1) / max(1, self.warmup))
        if step < self.decays:
            return self.peak * rising
        share = (step - self.decays) / max(1, self.steps - self.decays)
        if self.kind == "cosine":
            return self.peak * (FLOOR + (1 - FLOOR) * (1 + cos(pi * share)) / 2)
        return self.peak * min(rising, 1 - share)
