"""Ninety days of an invented county on a set clock: real commands, the real composition, and what came of it."""

from deploy.demo.simulation.report import Breach, Played
from deploy.demo.simulation.simulation import Day, Wanted, play

__all__ = ["Breach", "Day", "Played", "Wanted", "play"]
