"""What a killed worker had in hand: seen from outside, then done row by row."""

from __future__ import annotations

import signal
import subprocess
import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.pipeline.guard import Board, Guard, Held, Portion

START, STOP = 10, 60
ROW = st.integers(0, 70)
RANGE = st.tuples(ROW, ROW).map(sorted)
PLACE = st.tuples(st.integers(0, 1), st.integers(0, 1))
SUSPECT = st.tuples(PLACE, RANGE).map(lambda drawn: Held(*drawn[0], *drawn[1]))
CONDEMNED = st.tuples(PLACE, ROW).map(lambda drawn: Held(*drawn[0], drawn[1], drawn[1] + 1))


@settings(deadline=None)
@given(
    st.lists(SUSPECT, max_size=4),
    st.sets(CONDEMNED, max_size=4),
    st.integers(START, STOP),
    st.integers(START, STOP),
)
def test_portions_cover_every_row_once(suspects, condemned, start, stop):
    """A row that is left out is lost; one that is done twice is doubled."""
    guard = Guard(None, 0, tuple(suspects), frozenset(condemned))
    portions = list(guard.portions(1, 0, start, stop))
    rows = [row for portion in portions for row in range(portion.start, portion.stop)]
    assert rows == list(range(start, stop))
    assert all(portion.start < portion.stop for portion in portions)


@settings(deadline=None)
@given(st.lists(SUSPECT, max_size=4), st.sets(CONDEMNED, max_size=4))
def test_suspects_stand_alone_and_the_condemned_are_named(suspects, condemned):
    """A suspect beside others would take them with it; a condemned row would kill for ever."""
    guard = Guard(None, 0, tuple(suspects), frozenset(condemned))
    here = [held for held in (*suspects, *condemned) if (held.unit, held.stage) == (1, 0)]
    dead = {held.start for held in condemned if (held.unit, held.stage) == (1, 0)}
    for portion in guard.portions(1, 0, START, STOP):
        suspected = any(
            held.start < portion.stop and portion.start < held.stop
            for held in here
            if held.start < held.stop
        )
        assert not suspected or portion.stop - portion.start == 1
        assert portion.condemned == (portion.start in dead)


def test_rows_without_suspicion_are_done_at_once():
    """Cut into more portions than needed, every stage would be slower for nothing."""
    assert list(Guard().portions(0, 0, 3, 9)) == [Portion(3, 9, False)]
    assert list(Guard().portions(0, 0, 3, 3)) == []
    elsewhere = Guard(suspects=(Held(0, 1, 4, 6), Held(1, 0, 4, 6), Held(0, 0, 9, 12)))
    assert list(elsewhere.portions(0, 0, 3, 9)) == [Portion(3, 9, False)]
    guard = Guard(suspects=(Held(0, 0, 4, 6),), condemned=frozenset({Held(0, 0, 5, 6)}))
    assert list(guard.portions(0, 0, 3, 9)) == [
        Portion(3, 4, False),
        Portion(4, 5, False),
        Portion(5, 6, True),
        Portion(6, 9, False),
    ]


WORKER = """
import os, signal, sys
from pathlib import Path
from tamis.pipeline.guard import Board, Guard

guard = Guard(Board(Path(sys.argv[1]), 3), 1)
with guard.holding(5, 2, 0, 100):
    pass
guard.advance(100, 12_345)
with guard.holding(5, 2, 100, 150):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_worker_held_is_seen_from_outside(tmp_path):
    """After SIGKILL nothing runs in the worker: what is not on the board by then is unknown."""
    board = Board(tmp_path / "board", 3, create=True)
    board.hold(0, Held(1, 1, 1, 2))
    worker = subprocess.run([sys.executable, "-P", "-c", WORKER, board.path], check=False)
    assert worker.returncode == -signal.SIGKILL
    assert board.held(1) == Held(5, 2, 100, 150)
    assert (board.held(0), board.held(2)) == (Held(1, 1, 1, 2), None)
    assert board.progress() == (100, 12_345)


def test_a_task_that_starts_again_has_nothing_in_hand(tmp_path):
    """Or its next death would be blamed on rows it never reached, and counted twice."""
    board = Board(tmp_path / "board", 2, create=True)
    guard = Guard(board, 0)
    with guard.holding(0, 0, 0, 5):
        assert board.held(0) == Held(0, 0, 0, 5)
    assert board.held(0) is None
    board.advance(0, 5, 50)
    board.advance(1, 2, 20)
    board.hold(0, Held(0, 0, 5, 9))
    board.clear(0)
    assert board.held(0) is None
    assert board.progress() == (2, 20)


def test_rows_stay_in_hand_when_their_work_raises(tmp_path):
    """SystemExit from a native library ends a worker too, and it was these rows."""
    board = Board(tmp_path / "board", 1, create=True)
    try:
        with Guard(board).holding(0, 0, 3, 4):
            raise SystemExit
    except SystemExit:
        pass
    assert board.held(0) == Held(0, 0, 3, 4)


def test_without_a_board_nothing_is_noted():
    """Tests and small corpora run stages without an engine."""
    guard = Guard()
    with guard.holding(0, 0, 0, 1):
        guard.advance(1, 1)
