"""Random schedules against croniter and dateutil, which know nothing of this crate.

They say when a schedule is due on a wall clock; zoneinfo says when that is. Prints
every difference and exits with 1 if there is one.

    python compare.py PROGRAM [NUMBER] [SEED]     # the example `instants`, built
"""

import datetime as dt
import random
import subprocess
import sys
import zoneinfo

from croniter import croniter
from dateutil.relativedelta import relativedelta
from dateutil.rrule import DAILY, HOURLY, MINUTELY, MONTHLY, SECONDLY, WEEKLY, YEARLY, rrule

# Answers that are compared of each schedule.
COUNT = 25
UTC = dt.timezone.utc
DAY, SECOND = dt.timedelta(days=1), dt.timedelta(seconds=1)
MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
WEEKDAYS = "SUN MON TUE WED THU FRI SAT".split()
# So long is looked for answers.
HORIZON = 40 * 366 * DAY
# No clock of these years shows more than this twice.
TWICE = dt.timedelta(hours=3)


def number_field(rnd, low, high, names=None):
    """A field of numbers as people write them."""
    say = lambda value: names[value - low] if names and rnd.random() < 0.5 else str(value)
    kind = rnd.random()
    if kind < 0.3:
        return say(rnd.randint(low, high))
    if kind < 0.45:
        return ",".join(say(value) for value in sorted(rnd.sample(range(low, high + 1), 3)))
    first, last = sorted(rnd.sample(range(low, high + 1), 2))
    if kind < 0.6:
        return f"{say(first)}-{say(last)}"
    if kind < 0.75:
        return f"*/{rnd.randint(2, max(2, (high - low) // 2))}"
    if kind < 0.85:
        return f"{say(first)}-{say(last)}/{rnd.randint(1, 4)}"
    return "*"


def cron(rnd):
    """An expression in this crate's words and in croniter's."""
    ours = [number_field(rnd, 0, 59), number_field(rnd, 0, 23)]
    # Of the hours in which clocks change, and of every one.
    kind = rnd.random()
    if kind < 0.3:
        ours[1] = str(rnd.randint(0, 3))
    elif kind < 0.5:
        ours[1] = "*"
    month = number_field(rnd, 1, 12, MONTHS) if rnd.random() < 0.4 else "*"
    day, weekday = "*", "*"
    theirs = None
    kind = rnd.random()
    if kind < 0.2:
        day = number_field(rnd, 1, 28)
    elif kind < 0.4:
        weekday = number_field(rnd, 0, 6, WEEKDAYS)
    elif kind < 0.5:
        # Both are restricted: either will do.
        day, weekday = str(rnd.randint(1, 28)), WEEKDAYS[rnd.randint(0, 6)]
    elif kind < 0.6:
        day = "L"
    elif kind < 0.7:
        number = rnd.randint(0, 6)
        weekday, theirs = f"{WEEKDAYS[number]}L", f"L{number}"
    elif kind < 0.8:
        weekday = f"{WEEKDAYS[rnd.randint(0, 6)]}#{rnd.randint(1, 5)}"
    if rnd.random() < 0.15:
        ours.insert(0, number_field(rnd, 0, 59))
    fields = ours + [day, month]
    return " ".join([*fields, weekday]), " ".join([*fields, theirs or weekday])


def cron_walls(theirs, start):
    """When croniter has it due on a wall clock, from `start` on."""
    six = len(theirs.split()) == 6
    walls = croniter(theirs, start - SECOND, second_at_beginning=six)
    while True:
        yield walls.get_next(dt.datetime)


def interval(rnd):
    """An interval, its start on the wall clock, and how dateutil counts it."""
    start = dt.datetime(rnd.randint(1995, 2030), rnd.randint(1, 12), rnd.randint(1, 28))
    start += dt.timedelta(seconds=rnd.randrange(86_400), days=rnd.randint(0, 6))
    unit = rnd.choice(["Y", "M", "W", "D", "TH", "TM", "TS"])
    every = rnd.randint(1, {"TH": 40, "TM": 600, "TS": 9_000}.get(unit, 13))
    name = f"PT{every}{unit[1]}" if unit[0] == "T" else f"P{every}{unit}"
    return start, unit, every, f"R/{start.isoformat()}/{name}"


RULES = {"Y": YEARLY, "M": MONTHLY, "W": WEEKLY, "D": DAILY}
ELAPSED = {"TH": HOURLY, "TM": MINUTELY, "TS": SECONDLY}


def interval_walls(start, unit, every):
    """When dateutil has it due on a wall clock. rrule leaves out months without the
    start's day, where ISO 8601 arithmetic takes the last day there is, as does
    relativedelta."""
    if unit in "YM" and start.day > 28:
        step = {"Y": "years", "M": "months"}[unit]
        k = 0
        while True:
            yield start + relativedelta(**{step: k * every})
            k += 1
    yield from rrule(RULES[unit], interval=every, dtstart=start)


def offset(zone, instant):
    return instant.astimezone(zone).utcoffset()


def jump(zone, before, after):
    """The instant in between at which the offset changes."""
    old = offset(zone, before)
    while after - before > SECOND:
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        before, after = (middle, after) if offset(zone, middle) == old else (before, middle)
    return after


def instants(walls, zone, gap, repeat):
    """Wall times as instants in order, by the documented rules."""
    for wall in walls:
        first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if first == second:
            yield first
        elif first < second:
            yield first
            if repeat == "both":
                yield second
        elif gap == "first_valid":
            # In a gap, fold 0 counts from the offset before it.
            yield jump(zone, second - SECOND, first)


def collect(found, since):
    """So many of them, in order, none twice; fewer where they are far between."""
    kept, last = set(), since + HORIZON
    for at in found:
        if at > last:
            break
        if at >= since:
            kept.add(at)
            if len(kept) == COUNT:
                last = max(kept) + TWICE
    return [int(at.timestamp()) for at in sorted(kept)[:COUNT]]


def changes(rnd, zone):
    """An instant near a change of the zone's clock, where it has one."""
    begin = dt.datetime(rnd.randint(1996, 2036), rnd.randint(1, 12), 1, tzinfo=UTC)
    for week in range(53):
        at = begin + week * 7 * DAY
        if offset(zone, at) != offset(zone, at + 7 * DAY):
            return jump(zone, at, at + 7 * DAY) - dt.timedelta(hours=rnd.choice((1, 3, 30)))
    return begin


def cases(number, rnd):
    names = sorted(zoneinfo.available_timezones() - {"Factory", "localtime", "posixrules"})
    for _ in range(number):
        name = rnd.choice(names)
        zone = zoneinfo.ZoneInfo(name)
        since = changes(rnd, zone) + dt.timedelta(seconds=rnd.randrange(60))
        if rnd.random() < 0.8:
            text, theirs = cron(rnd)
            hours = text.split()[-4]
            hourly = set(croniter(f"0 {hours} * * *").expanded[1]) in ({"*"}, set(range(24)))
            rules = ("skip", "both") if hourly else ("first_valid", "first")
            wall = since.astimezone(zone).replace(tzinfo=None) - TWICE
            expected = collect(instants(cron_walls(theirs, wall), zone, *rules), since)
        else:
            start, unit, every, text = interval(rnd)
            begin = start.replace(tzinfo=zone).astimezone(UTC)
            if unit in ELAPSED:
                if begin.astimezone(zone).replace(tzinfo=None) != start:
                    begin = next(instants([start], zone, "first_valid", "first"))
                since = begin + dt.timedelta(seconds=rnd.randrange(100_000))
                due = rrule(ELAPSED[unit], interval=every, dtstart=begin)
                expected = collect(iter(due), since)
            else:
                since = begin + dt.timedelta(days=rnd.randrange(900), seconds=rnd.randrange(86_400))
                walls = interval_walls(start, unit, every)
                expected = collect(instants(walls, zone, "first_valid", "first"), since)
        yield name, since, text, expected


def main():
    program = sys.argv[1]
    number = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 32)
    asked = list(cases(number, random.Random(seed)))
    lines = "".join(
        f"{zone}\t{since.isoformat()}\t{COUNT}\t{text}\n" for zone, since, text, _ in asked
    )
    told = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
    different = 0
    for (zone, since, text, expected), line in zip(asked, told.stdout.splitlines(), strict=True):
        ours = line if line.startswith("!") else [int(second) for second in line.split()]
        if ours[: len(expected)] != expected or len(expected) == 0:
            different += 1
            show = lambda answer: answer if isinstance(answer, str) else [
                dt.datetime.fromtimestamp(second, UTC).isoformat() for second in answer[:4]
            ]
            print(f"{text!r} in {zone} from {since}:\n  ours   {show(ours)}\n  theirs {show(expected)}")
            for place, (one, other) in enumerate(zip(ours, expected)):
                if one != other:
                    print(f"  first at {place}: {show([one])} {show([other])}")
                    break
    print(f"seed {seed}: {number} schedules, {number * COUNT} instants at most, {different} different")
    sys.exit(different > 0)


if __name__ == "__main__":
    main()
