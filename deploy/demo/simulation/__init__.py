"""The simulation of `huiyin demo`: ninety days of an invented county on a set clock, with real commands and services."""

from deploy.demo.simulation.report import Breach, Report
from deploy.demo.simulation.simulation import Day, Parameters, simulate

__all__ = ["Breach", "Day", "Parameters", "Report", "simulate"]
