"""Drives a broker with a Python client for the tests in the folder above,
whose package comment describes the lines that are read and written:

    python3 driver.py confluent-kafka|kafka-python HOST:PORT
"""

import json
import queue
import sys
import threading

from wire import Args


class Driver:
    """Answers requests: those of one handle in order, handles side by side."""

    def __init__(self, client):
        self.client = client
        self.lock = threading.Lock()
        self.queues = {}

    def answer(self, request):
        answer = {"id": request["id"]}
        try:
            operation = getattr(self.client, request["op"])
            answer["result"] = operation(Args(request["on"], request["args"])) or {}
        except Exception as e:  # whatever it is, the test is told
            answer["error"] = "%s: %s: %s" % (request["op"], type(e).__name__, e)
        with self.lock:
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()

    def work(self, requests):
        while True:
            self.answer(requests.get())

    def serve(self):
        for line in sys.stdin:
            request = json.loads(line)
            if request["on"] not in self.queues:
                self.queues[request["on"]] = queue.Queue()
                threading.Thread(target=self.work, args=(self.queues[request["on"]],), daemon=True).start()
            self.queues[request["on"]].put(request)


def main():
    name, address = sys.argv[1:]
    if name == "confluent-kafka":
        from confluent import Client
    elif name == "kafka-python":
        from kafkapython import Client
    else:
        sys.exit("no client %r: confluent-kafka or kafka-python" % name)
    Driver(Client(address)).serve()


main()
