"""Ninety days of an invented county on a set clock: real commands, the real composition, and what came of it."""

from deploy.play.days import Day, Wanted, play
from deploy.play.summary import Breach, Played

__all__ = ["Breach", "Day", "Played", "Wanted", "play"]
