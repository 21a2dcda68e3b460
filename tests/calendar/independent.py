"""The end of every term, by a second way: days from two packages that read the State Council's notices.

Prints one line for each start date and term: start, counting, days, roll, last day (or the year that is missing).
Terms are 5 and 7 natural days and 5 working days, each with and without rolling; start dates are 2018 to 2026.
Ends with an error where the two packages do not agree on a day.

This must share nothing with Fangpin: neither its data nor its way of counting (here: positions in a list).
"""

from bisect import bisect_left, bisect_right
from datetime import date, timedelta

import chinese_calendar
import holidays

FIRST, LAST = date(2018, 1, 1), date(2026, 12, 31)
TERMS = [("CALENDAR_DAYS", 5), ("CALENDAR_DAYS", 7), ("WORKING_DAYS", 5)]


def all_days():
    return [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]


def working_days():
    china = holidays.country_holidays("CN", years=range(FIRST.year, LAST.year + 1))
    first = [day for day in all_days() if chinese_calendar.is_workday(day)]
    second = [day for day in all_days() if china.is_working_day(day)]
    differing = sorted(set(first) ^ set(second))
    if differing:
        raise SystemExit(f"the packages do not agree on {', '.join(map(str, differing))}")
    # Neither may know the year after the last: then this table would have to grow by it.
    try:
        chinese_calendar.is_workday(LAST + timedelta(days=1))
    except NotImplementedError:
        return first
    raise SystemExit(f"chinesecalendar knows {LAST.year + 1}; add that year here and to the calendar")


def last_day(worked, start, counting, days, roll):
    """The last day, or the missing year."""
    missing = f"MISSING {LAST.year + 1}"
    if counting == "WORKING_DAYS":
        place = bisect_right(worked, start) + days - 1
        return worked[place] if place < len(worked) else missing
    end = start + timedelta(days=days)
    if end > LAST:
        return missing
    if not roll:
        return end
    place = bisect_left(worked, end)
    return worked[place] if place < len(worked) else missing


def main():
    worked = working_days()
    for start in all_days():
        for counting, days in TERMS:
            for roll in (False, True):
                print(start, counting, days, int(roll), last_day(worked, start, counting, days, roll), sep=",")


if __name__ == "__main__":
    main()
