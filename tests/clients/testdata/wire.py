"""The requests and answers; ../wire_test.go says what is what."""

import base64


def unpack(text):
    return None if text is None else base64.b64decode(text)


def pack(data):
    return None if data is None else base64.b64encode(bytes(data)).decode()


class Record:
    """A record as the tests write and read it."""

    def __init__(self, partition, offset, key, value, headers, millis):
        self.partition, self.offset, self.key, self.value = partition, offset, key, value
        self.headers, self.millis = headers, millis

    @classmethod
    def parse(cls, r):
        headers = [(h["n"], unpack(h["v"])) for h in r.get("h") or []]
        return cls(r["p"], r["o"], unpack(r["k"]), unpack(r["v"]), headers, r["t"])

    def encode(self):
        return {"p": self.partition, "o": self.offset, "k": pack(self.key), "v": pack(self.value),
                "h": [{"n": n, "v": pack(v)} for n, v in self.headers], "t": self.millis}


class Args:
    """The arguments of a request; those left out are empty."""

    def __init__(self, on, given):
        self.on = on
        self.topic = given.get("topic", "")
        self.partitions = given.get("partitions", 0)
        self.configs = given.get("configs") or {}
        self.unset = given.get("unset") or []
        self.codec = given.get("codec") or "none"
        self.max_bytes = given.get("max_bytes", 0)
        self.records = [Record.parse(r) for r in given.get("records") or []]
        self.group = given.get("group", "")
        self.protocol = given.get("protocol", "")
        self.assignor = given.get("assignor", "")
        self.instance = given.get("instance", "")
        self.instances = given.get("instances") or []
        self.committed = given.get("committed", False)
        self.at = given.get("at", "")
        self.millis = given.get("millis", 0)
        self.offsets = {int(p): o for p, o in (given.get("offsets") or {}).items()}
        self.count = given.get("count", 0)
        self.txid = given.get("txid", "")
        self.out = given.get("out", "")
