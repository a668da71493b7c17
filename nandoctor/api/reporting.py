"""What was observed earlier and kept in a file, diagnosed again."""

from __future__ import annotations

from pathlib import Path

from nandoctor.config import read_config
from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.finding import Report


def report(facts: Path | str) -> Report:
    """The report on the facts that `--save-facts` wrote, by today's rules and the project's settings.

    Neither the model, the data nor TensorFlow is needed. NandoctorError (exit code 3) where the file cannot be read or
    holds no facts.
    """
    from nandoctor.diagnosis.diagnose import diagnose
    from nandoctor.facts.store import parse_facts

    policy = read_config().policy
    try:
        text = Path(facts).read_text(encoding="utf-8")
        return diagnose(parse_facts(text), policy)
    except OSError as error:
        raise NandoctorError(f"{facts}: cannot be read: {error.strerror}", UNEXAMINABLE) from error
    except UnicodeDecodeError as error:
        raise NandoctorError(f"{facts}: these are not nandoctor facts: it is no UTF-8 text", UNEXAMINABLE) from error
    except NandoctorError as error:
        raise NandoctorError(f"{facts}: {error.message}", error.exit_code) from error
