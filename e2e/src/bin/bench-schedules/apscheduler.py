"""Runs `count` one-off jobs from an SQLAlchemy job store and says how late they began."""
import datetime
import json
import logging
import sys
import time

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler

url, count, spacing = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
logging.disable(logging.CRITICAL)
late = []


def tick(planned):
    late.append(time.time() - planned)


if __name__ == "__main__":
    # Jobs name their function by module; this program is the module.
    sys.modules["peer"] = sys.modules["__main__"]
    tick.__module__ = "peer"
    scheduler = BackgroundScheduler(
        jobstores={"default": SQLAlchemyJobStore(url=url.replace("postgres://", "postgresql+psycopg2://"))},
        executors={"default": ThreadPoolExecutor(20)},
        job_defaults={"misfire_grace_time": None},
        timezone="UTC",
    )
    scheduler.start(paused=True)
    # Far enough away that all are stored before the first is due.
    base = time.time() + 10 + count * 0.02
    for number in range(count):
        at = base + number * spacing
        run_date = datetime.datetime.fromtimestamp(at, datetime.timezone.utc)
        scheduler.add_job(tick, "date", run_date=run_date, args=[at])
    assert time.time() < base, "stored too slowly"
    scheduler.resume()
    end = base + count * spacing + 240
    while len(late) < count and time.time() < end:
        time.sleep(0.2)
    late.sort()
    quantile = lambda part: late[min(len(late) - 1, int(len(late) * part))] * 1000
    print(json.dumps({"count": len(late), "p50": quantile(0.5), "p99": quantile(0.99)}))
    scheduler.shutdown(wait=False)
    scheduler.remove_all_jobs() if scheduler.running else None
