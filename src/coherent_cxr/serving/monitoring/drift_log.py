"""The log that drift is seen in: an SQLite file of numbers and salted hashes."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import secrets
import sqlite3
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.observations import FOURTEEN
from coherent_cxr.serving.monitoring.measures import COLUMNS, measured
from coherent_cxr.serving.monitoring.shadow import Agreement, agreements

if TYPE_CHECKING:
    from coherent_cxr.serving.study.study import Refusal
    from coherent_cxr.serving.study_report import StudyReport

logger = logging.getLogger(__name__)
WAIT = 10.0
"""Seconds to wait for another process that writes."""
AGREEMENTS = ("both", "champion_only", "challenger_only", "neither")


def _tables() -> str:
    return f"""
CREATE TABLE IF NOT EXISTS reports (
    day INTEGER NOT NULL, study TEXT NOT NULL, model INTEGER NOT NULL,
    {", ".join(f"{column} REAL" for column in COLUMNS)}, PRIMARY KEY (day, study, model));
CREATE TABLE IF NOT EXISTS refused (day INTEGER NOT NULL, studies INTEGER NOT NULL, PRIMARY KEY (day));
CREATE TABLE IF NOT EXISTS shadow (
    day INTEGER NOT NULL, champion INTEGER NOT NULL, challenger INTEGER NOT NULL, finding INTEGER NOT NULL,
    {", ".join(f"{kind} INTEGER NOT NULL DEFAULT 0" for kind in AGREEMENTS)},
    PRIMARY KEY (day, champion, challenger, finding));
"""


class DriftLogError(ValueError):
    """A file that is no log of this kind; the message says what it is and what to do."""


class DriftLog:
    """Keeps numbers of every report; several threads and processes may write to the same file.

    Of a study there is the hash of its id, salted with a random number that lies in a file of its own beside
    the log (``.salt``, for its owner only), so that a study that comes twice on a day counts once. Whoever
    gets the log alone cannot find out whose studies they were. Times are days.

    Args:
        path: The file; it is made when something is first written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def add(self, report: StudyReport, seconds: float | None = None) -> None:
        """Keep the numbers of a report.

        What goes wrong is logged and fails no report.

        Args:
            report: Of a study.
            seconds: How long it took.
        """
        numbers = measured(report, seconds)
        marks = ", ".join("?" * (3 + len(COLUMNS)))

        def insert(database: sqlite3.Connection) -> None:
            key = (_day(report.created), self._hashed(report.study_id), model_number(report.model.digest))
            database.execute(
                f"INSERT OR REPLACE INTO reports (day, study, model, {', '.join(COLUMNS)}) VALUES ({marks})",
                (*key, *(numbers[column] for column in COLUMNS)),
            )

        self._write(insert)

    def add_outcome(self, outcome: StudyReport | Refusal) -> None:
        """Keep the numbers of a report, or count a study that got none today."""
        from coherent_cxr.serving.study.study import Refusal

        if isinstance(outcome, Refusal):
            self.add_refusal(datetime.now(UTC).isoformat())
        else:
            self.add(outcome)

    def add_refusal(self, day: str) -> None:
        """Count a study that got no report.

        Args:
            day: ISO 8601; only its date is kept.
        """
        statement = (
            "INSERT INTO refused (day, studies) VALUES (?, 1) "
            "ON CONFLICT (day) DO UPDATE SET studies = studies + 1"
        )
        self._write(lambda database: database.execute(statement, (_day(day),)))

    def add_shadow(self, champion: StudyReport, challenger: StudyReport) -> None:
        """Count where a challenger decides otherwise; neither the study nor a text is kept.

        Args:
            champion: What was answered.
            challenger: The other model's report of the same study.
        """
        self.add_agreements(
            agreements(champion, challenger),
            champion.created,
            champion.model.digest,
            challenger.model.digest,
        )

    def add_agreements(
        self, found: Mapping[str, Agreement], created: str, champion: str, challenger: str
    ) -> None:
        """Do the same where somebody else has compared the two.

        Args:
            found: Of each observation which of the two hold it present.
            created: When, ISO 8601; only the date is kept.
            champion: Digest of the model that answered.
            challenger: Digest of the other.
        """

        def count(database: sqlite3.Connection) -> None:
            for place, name in enumerate(OBSERVATIONS):
                kind = found[name]
                database.execute(
                    f"INSERT INTO shadow (day, champion, challenger, finding, {kind}) VALUES (?, ?, ?, ?, 1) "
                    f"ON CONFLICT (day, champion, challenger, finding) DO UPDATE SET {kind} = {kind} + 1",
                    (_day(created), model_number(champion), model_number(challenger), place),
                )

        self._write(count)

    def reports(self) -> pd.DataFrame:
        """Return the rows: ``day`` (YYYYMMDD), ``study`` (hash), ``model`` (number), and :data:`COLUMNS`.

        Raises:
            DriftLogError: If there is no such file, or it is none of this kind.
        """
        return self._read("reports")

    def refusals(self) -> pd.DataFrame:
        """Return ``day`` and ``studies`` without a report."""
        return self._read("refused")

    def shadow(self) -> pd.DataFrame:
        """Return agreements of champion and challenger by ``day``, models and ``finding`` (its name)."""
        table = self._read("shadow")
        table["finding"] = [OBSERVATIONS[place] for place in table["finding"]]
        return table

    def labels(self) -> tuple[str, ...]:
        """Return the labels of its models; only others than CheXpert's are written down."""
        try:
            return tuple(self._read("labels")["name"])
        except DriftLogError:
            self._read("reports")  # is it a log at all?
            return FOURTEEN

    def _read(self, table: str) -> pd.DataFrame:
        if not self.path.is_file():
            raise DriftLogError(
                f"There is no drift log '{self.path}'. What writes reports writes one where it is told to."
            )
        try:
            with closing(
                sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro", uri=True, timeout=WAIT)
            ) as database:
                return pd.read_sql_query(f"SELECT * FROM {table} ORDER BY 1", database)
        except (sqlite3.Error, pd.errors.DatabaseError) as error:
            raise DriftLogError(f"'{self.path}' is no drift log, or is damaged; name another.") from error

    def _write(self, change: Callable[[sqlite3.Connection], object]) -> None:
        try:
            with self._lock:
                self._make()
                with closing(sqlite3.connect(self.path, timeout=WAIT)) as database, database:
                    database.executescript(_tables())
                    _keep_labels(database)
                    change(database)
        except (sqlite3.Error, OSError) as error:
            logger.warning("The drift log '%s' cannot be written (%s).", self.path, type(error).__name__)

    def _make(self) -> None:
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))

    def _hashed(self, study_id: str) -> str:
        data = study_id.encode(errors="surrogatepass")
        return hmac.new(self._salt(), data, hashlib.sha256).hexdigest()[:32]

    def _salt(self) -> bytes:
        place = self.path.with_name(f"{self.path.name}.salt")
        try:
            file = os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return place.read_bytes()
        with os.fdopen(file, "wb") as salt:
            salt.write(made := secrets.token_bytes(32))
        return made


def _keep_labels(database: sqlite3.Connection) -> None:
    """Write down labels that are not CheXpert's, once.

    Raises:
        sqlite3.IntegrityError: If the log holds other labels.
    """
    if tuple(OBSERVATIONS) == FOURTEEN:
        return
    database.execute("CREATE TABLE IF NOT EXISTS labels (place INTEGER PRIMARY KEY, name TEXT NOT NULL)")
    kept = [name for (name,) in database.execute("SELECT name FROM labels ORDER BY place")]
    if not kept:
        database.executemany("INSERT INTO labels VALUES (?, ?)", enumerate(OBSERVATIONS))
    elif kept != list(OBSERVATIONS):
        raise sqlite3.IntegrityError("the log is of a model with other labels")


def _day(created: str) -> int:
    return int(created[:10].replace("-", ""))


def model_number(digest: str) -> int:
    """Return a number that tells models apart: the first bits of the digest's digest."""
    return int.from_bytes(hashlib.sha256(digest.encode()).digest()[:6], "big")
