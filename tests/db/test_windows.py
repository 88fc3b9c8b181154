"""Maintenance windows: what may be written, and when they open, over every change of the clocks."""

# ruff: noqa: E501, DTZ001 - SQL and JSON are easier to read whole; hypothesis adds the zone

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from tests.db.stage import Stage, denied, refused

DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
NIGHTS = {"name": "nights", "days": DAYS, "starts": "04:00", "lasts": "2 hours", "zone": "Europe/Berlin"}
# With summer time, of an hour and of half of one, to the north and the south, never, and at midnight. None whose rules are
# decided anew each year: this machine's database of zones and Postgres' own may differ there.
ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "UTC",
    "Asia/Kolkata",
    "America/Santiago",
    "Asia/Beirut",
    "Pacific/Apia",
    "Pacific/Chatham",
]


def make(stage: Stage, session: Any = None, **columns: Any) -> int:
    values = NIGHTS | columns
    row = (
        (session or stage.admin)
        .execute(
            "INSERT INTO maintenance_windows (name, namespace, days, starts, lasts, zone)"
            " VALUES (%(name)s, %(namespace)s, %(days)s, %(starts)s, %(lasts)s, %(zone)s) RETURNING id",
            {"namespace": None} | values,
        )
        .fetchone()
    )
    assert row is not None
    return row["id"]


def spans(starts: time, minutes: int, days: list[str], zone: str, around: datetime) -> list[tuple[datetime, datetime]]:
    """The same from Python's own clocks: fold 0 is the first of two, and shifts a time that is skipped."""
    there = ZoneInfo(zone)
    first = around.astimezone(there).date() - timedelta(days=3)
    found = []
    for day in (first + timedelta(days=n) for n in range(14)):
        if DAYS[day.weekday()] in days:
            opens = datetime.combine(day, starts, there).astimezone(UTC)
            found.append((opens, opens + timedelta(minutes=minutes)))
    return found


def clock_changes(zone: str) -> list[datetime]:
    """When its clocks are set within some years."""
    hours = [datetime(2023, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(4 * 366 * 24)]
    there = ZoneInfo(zone)
    return [
        late
        for early, late in pairwise(hours)
        if early.astimezone(there).utcoffset() != late.astimezone(there).utcoffset()
    ]


CHANGES = [(zone, at) for zone in ZONES for at in clock_changes(zone)]
MOMENTS = st.one_of(
    st.tuples(st.sampled_from(ZONES), st.datetimes(datetime(2000, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC))),
    st.tuples(st.sampled_from(CHANGES), st.integers(-60 * 30, 60 * 30)).map(
        lambda one: (one[0][0], one[0][1] + timedelta(minutes=one[1]))
    ),
)


STARTS = st.sampled_from([time(h, m) for h in (0, 1, 2, 3, 23) for m in (0, 15, 30, 59)]) | st.times().map(
    lambda at: at.replace(second=0, microsecond=0, fold=0)
)


def test_a_window_opens_when_pythons_clocks_say_so(quiet_stage: Stage) -> None:
    @given(MOMENTS, STARTS, st.integers(1, 24 * 60), st.lists(st.sampled_from(DAYS), min_size=1, unique=True))
    @settings(max_examples=600, deadline=None, derandomize=True, database=None)
    def holds(moment: tuple[str, datetime], starts: time, minutes: int, days: list[str]) -> None:
        zone, at = moment
        expected = spans(starts, minutes, days, zone, at)
        window = {"days": days, "starts": f"{starts:%H:%M}", "lasts": f"{minutes} minutes", "zone": zone}
        (found,) = quiet_stage.rows(
            "SELECT window_opens(w, %s) AS opens, window_is_open(w, %s) AS is_open FROM jsonb_populate_record(NULL::maintenance_windows, %s) w",
            at, at, Jsonb(window),
        )  # fmt: skip
        assert found["opens"] == min(opens for opens, _ in expected if opens > at)
        assert found["is_open"] == any(opens <= at < closes for opens, closes in expected)

    holds()


@pytest.mark.parametrize(
    ("zone", "starts", "after", "opens"),
    [
        # 02:30 is skipped: an hour, or half of one, later by the clocks; as long after 02:00 as ever.
        ("Europe/Berlin", "02:30", "2026-03-28 12:00Z", "2026-03-29 01:30Z"),
        ("America/New_York", "02:30", "2026-03-08 00:00Z", "2026-03-08 07:30Z"),
        ("Australia/Lord_Howe", "02:15", "2026-10-03 12:00Z", "2026-10-03 15:45Z"),
        # It comes twice: the first time.
        ("Europe/Berlin", "02:30", "2026-10-24 12:00Z", "2026-10-25 00:30Z"),
        ("America/New_York", "01:30", "2026-11-01 00:00Z", "2026-11-01 05:30Z"),
        ("Australia/Lord_Howe", "01:45", "2026-04-04 12:00Z", "2026-04-04 14:45Z"),
    ],
)
def test_a_start_that_is_skipped_or_comes_twice(
    quiet_stage: Stage, zone: str, starts: str, after: str, opens: str
) -> None:
    found = quiet_stage.one(
        "SELECT window_opens(w, %s) = %s FROM jsonb_populate_record(NULL::maintenance_windows, %s) w",
        after, opens, Jsonb({"days": DAYS, "starts": starts, "lasts": "01:00", "zone": zone}),
    )  # fmt: skip
    assert found


def test_a_window_past_midnight_belongs_to_the_day_on_which_it_began(stage: Stage) -> None:
    make(stage, days=["fri"], starts="23:00", lasts="3 hours")
    is_open = "SELECT window_is_open(w, %s) FROM maintenance_windows w"
    friday = "2026-11-27 "
    assert not stage.one(is_open, friday + "21:59:59Z")
    assert stage.one(is_open, friday + "22:00Z")
    assert stage.one(is_open, "2026-11-28 00:59:59Z")
    assert not stage.one(is_open, "2026-11-28 01:00Z")
    assert not stage.one(is_open, "2026-11-28 23:30Z")


def test_what_is_written_is_kept_as_it_is_shown(stage: Stage) -> None:
    make(stage, days=["sunday", "MON", "Mon"], lasts="1 day", zone="europe/berlin")
    (row,) = stage.viewer.execute("SELECT *, lasts::text AS length FROM maintenance_windows").fetchall()
    assert (row["days"], row["length"], row["zone"]) == (["Mon", "Sun"], "24:00:00", "Europe/Berlin")
    assert row["created_by"] == "test_admin"


@pytest.mark.parametrize(
    ("columns", "path", "hint"),
    [
        ({"zone": "Europe/Berlinn"}, "zone", "Europe/Berlin"),
        ({"zone": "America/NewYork"}, "zone", "America/New_York"),
        ({"zone": "EST5EDT4"}, "zone", "pg_timezone_names"),
        ({"zone": "posix/Europe/Berlin"}, "zone", "Europe/Berlin"),
        ({"zone": ""}, "zone", "pg_timezone_names"),
        ({"zone": None}, "zone", "pg_timezone_names"),
        ({"days": []}, "days", "Mon, Tue"),
        ({"days": None}, "days", "Mon, Tue"),
        ({"days": ["Mon", "Caturday"]}, "days", "Mon, Tue"),
        ({"days": [None]}, "days", "Mon, Tue"),
        ({"lasts": "0"}, "lasts", "1 minute"),
        ({"lasts": "-1 hour"}, "lasts", "1 minute"),
        ({"lasts": "25 hours"}, "lasts", "24 hours"),
        ({"lasts": "1 month"}, "lasts", "24 hours"),
        ({"lasts": "90 seconds"}, "lasts", "whole minutes"),
        ({"lasts": None}, "lasts", "1 minute"),
        ({"starts": "24:00"}, "starts", "23:59"),
        ({"starts": "04:00:30"}, "starts", "hours and minutes"),
        ({"starts": None}, "starts", "hours and minutes"),
        ({"name": "Nights!"}, "name", "small letters"),
        ({"name": None}, "name", "small letters"),
        ({"namespace": "Games"}, "namespace", "small letters"),
    ],
)  # fmt: skip
def test_a_window_that_cannot_be_is_refused(quiet_stage: Stage, columns: dict[str, Any], path: str, hint: str) -> None:
    with refused("SO422", path, hint):
        make(quiet_stage, **columns)


def test_a_name_means_one_window_to_each_deployment(stage: Stage) -> None:
    make(stage, namespace="games")
    make(stage, namespace="lobbies")
    for namespace in ("games", None):
        with refused("SO409", "name", "another name"):
            make(stage, namespace=namespace)
    everybodys = make(stage, name="weekends")
    with refused("SO409", "name"):
        make(stage, name="weekends", namespace="games")
    with refused("SO409", "name"):
        stage.admin.execute("UPDATE maintenance_windows SET name = 'nights' WHERE id = %s", (everybodys,))
    stage.admin.execute("UPDATE maintenance_windows SET starts = '05:00' WHERE id = %s", (everybodys,))


def test_who_is_limited_has_windows_of_their_namespaces_and_reads_everybodys(stage: Stage) -> None:
    stage.root.execute("SELECT create_user('test_admin', 'admin', '{games}')")
    make(stage, stage.root, name="all")
    make(stage, stage.root, name="other", namespace="lobbies")
    make(stage, name="mine", namespace="games")
    assert [row["name"] for row in stage.admin.execute("SELECT name FROM maintenance_windows ORDER BY 1")] == [
        "all",
        "mine",
    ]
    assert {row["name"] for row in stage.admin.execute("SELECT name FROM next_windows(1)")} == {"all", "mine"}
    for namespace in (None, "lobbies"):
        with refused("SO403"):
            make(stage, name="new", namespace=namespace)
    for statement in (
        "UPDATE maintenance_windows SET starts = '05:00' WHERE name = 'all'",
        "UPDATE maintenance_windows SET namespace = NULL WHERE name = 'mine'",
        "DELETE FROM maintenance_windows WHERE name = 'all'",
    ):
        with refused("SO403"):
            stage.admin.execute(statement)
    assert stage.admin.execute("DELETE FROM maintenance_windows WHERE name = 'other'").rowcount == 0
    assert stage.admin.execute("DELETE FROM maintenance_windows WHERE name = 'mine'").rowcount == 1
    with denied():
        make(stage, stage.operator, name="new")


def test_the_next_windows_are_told_in_their_order_the_open_one_first(stage: Stage) -> None:
    make(stage)
    make(stage, name="weekends", days=["Sat"], starts="03:00", zone="Asia/Kolkata")
    rows = stage.rows("SELECT name, opens::text, is_open, opens_there::text FROM next_windows(2, '2026-11-27 03:30Z')")
    assert [(row["name"], row["is_open"], row["opens_there"]) for row in rows] == [
        ("nights", True, "2026-11-27 04:00:00"),
        ("weekends", False, "2026-11-28 03:00:00"),
        ("nights", False, "2026-11-28 04:00:00"),
        ("weekends", False, "2026-12-05 03:00:00"),
    ]
