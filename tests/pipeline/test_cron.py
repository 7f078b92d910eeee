import pytest

from data_prep.errors import UserError
from pipeline.cloud.cron import check_cron, check_timezone


@pytest.mark.parametrize(
    "line",
    [
        "* * * * *",
        "0 3 * * *",
        "*/15 0-6/2 1,15 JAN-mar,12 SUN,2-5",
        "5/15 * * * *",
        "0 0 29 2 *",
        "0 0 31 2,3 *",
        "0 0 31 2 MON",
        "59 23 31 12 6",
    ],
)
def test_lines_that_come_true(line):
    assert check_cron(line) == line


def test_spaces_are_single():
    assert check_cron("  0  3\t* * * ") == "0 3 * * *"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "cron: must be five fields"),
        ("0 3 * *", "cron: must be five fields"),
        ("0 0 3 * * *", "cron: must be five fields"),
        ("@daily", "cron: must be five fields"),
        ("CRON_TZ=UTC 0 3 * * *", "cron: must be five fields"),
        ("60 * * * *", "cron: minute: must be 0 to 59, got '60'"),
        ("* 24 * * *", "cron: hour: must be 0 to 23, got '24'"),
        ("* * 0 * *", "cron: day of month: must be 1 to 31, got '0'"),
        ("* * * 13 *", "cron: month: must be 1 to 12 or JAN to DEC, got '13'"),
        ("* * * * 7", "cron: day of week: must be 0 to 6 or SUN to SAT, got '7'"),
        ("* * * * MONDAY", "cron: day of week: must be 0 to 6 or SUN to SAT, got 'MONDAY'"),
        ("5-1 * * * *", "cron: minute: a range must not go backwards, got '5-1'"),
        ("*/0 * * * *", "cron: minute: a step must be 1 to 59, got '*/0'"),
        ("*/60 * * * *", "cron: minute: a step must be 1 to 59, got '*/60'"),
        ("1, * * * *", "cron: minute: must be *, numbers, ranges or steps, got ''"),
        ("-1 * * * *", "cron: minute: must be *, numbers, ranges or steps, got '-1'"),
        ("*-5 * * * *", "cron: minute: must be *, numbers, ranges or steps, got '*-5'"),
        ("? * * * *", "cron: minute: must be *, numbers, ranges or steps, got '?'"),
        ("٣ * * * *", "cron: minute: must be *, numbers, ranges or steps, got '٣'"),
        ("0 0 30 2 *", "cron: must name a day that its months have, got '0 0 30 2 *'"),
        ("0 0 31 4,6 *", "cron: must name a day that its months have"),
        (f"{'9' * 5000} * * * *", "cron: minute: must be *, numbers, ranges or steps, got '99"),
    ],
)
def test_lines_that_are_wrong(line, words):
    with pytest.raises(UserError) as error:
        check_cron(line)
    assert str(error.value).startswith(words)
    assert len(str(error.value)) < 200


def test_time_zones():
    assert check_timezone("Europe/Berlin") == "Europe/Berlin"
    for name in ("Mars/Base", "", "CEST", "../etc/passwd"):
        with pytest.raises(UserError, match="timezone: must be an IANA time zone"):
            check_timezone(name)
