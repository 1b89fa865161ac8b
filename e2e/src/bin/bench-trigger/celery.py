"""Adds tasks with Celery, each confirmed by RabbitMQ: SERVER SECONDS CLIENTS; prints how many
a second. Two processes share the clients, as two cores share the work."""

import sys
import threading
import time
from multiprocessing import Process, Queue

from celery import Celery

SERVER, SECONDS, CLIENTS = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
PROCESSES = 2


def add(results):
    app = Celery(broker=SERVER.replace("amqp://", "pyamqp://"))
    app.conf.broker_transport_options = {"confirm_publish": True}
    app.conf.task_default_delivery_mode = "persistent"
    app.conf.broker_pool_limit = CLIENTS
    until = time.monotonic() + SECONDS
    counts = []

    def client():
        count = 0
        while time.monotonic() < until:
            app.send_task("run", kwargs={"mode": "bench"}, ignore_result=True)
            count += 1
        counts.append(count)

    threads = [threading.Thread(target=client) for _ in range(CLIENTS // PROCESSES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put(sum(counts))


if __name__ == "__main__":
    results = Queue()
    begun = time.monotonic()
    processes = [Process(target=add, args=(results,)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    added = sum(results.get() for _ in processes)
    for process in processes:
        process.join()
    print(added / (time.monotonic() - begun))
