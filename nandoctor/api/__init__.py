"""What the commands, a notebook and a test call.

NumPy is imported by what is called, not by these modules: a script that is run is to be the first to import it.
"""

from nandoctor.api.calling_back import Watch, callback
from nandoctor.api.checking import check_data
from nandoctor.api.linting import lint
from nandoctor.api.replaying import replay
from nandoctor.api.reporting import report
from nandoctor.api.scanning import scan
from nandoctor.api.treating import treat
from nandoctor.api.watching import Outcome, TrainingError, Watched, run, watch

__all__ = [
    "Outcome",
    "TrainingError",
    "Watch",
    "Watched",
    "callback",
    "check_data",
    "lint",
    "replay",
    "report",
    "run",
    "scan",
    "treat",
    "watch",
]
