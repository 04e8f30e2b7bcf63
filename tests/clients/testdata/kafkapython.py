"""The client kafka-python."""

import time

import kafka.errors
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from kafka.protocol.consumer import IsolationLevel, OffsetSpec
from kafka.structs import OffsetAndMetadata

from wire import Record

TIMEOUT = 60  # seconds
TX_BATCH = 20  # records in a transaction of transform
ABORT_EVERY = 3  # this transaction of transform is aborted and done again

ASSIGNORS = {"": RangePartitionAssignor, "range": RangePartitionAssignor, "roundrobin": RoundRobinPartitionAssignor,
             "sticky": StickyPartitionAssignor, "cooperative-sticky": CooperativeStickyAssignor}


def record(m):
    return Record(m.partition, m.offset, m.key, m.value, m.headers, m.timestamp)


class Client:
    def __init__(self, address):
        self.address = address
        self.admin = KafkaAdminClient(bootstrap_servers=address)
        self.consumers, self.producers = {}, {}

    # Records

    def produce(self, a):
        conf = {"compression_type": None if a.codec == "none" else a.codec}
        if a.max_bytes:
            conf["max_request_size"] = a.max_bytes
        producer = KafkaProducer(bootstrap_servers=self.address, enable_idempotence=True, **conf)
        try:
            return self.send(producer, a)
        finally:
            producer.close()

    @staticmethod
    def send(producer, a):
        futures = [producer.send(a.topic, value=r.value, key=r.key, partition=r.partition,
                                 timestamp_ms=r.millis or None, headers=r.headers) for r in a.records]
        producer.flush(TIMEOUT)
        sent = [f.get(TIMEOUT) for f in futures]
        return {"records": [Record(m.partition, m.offset, None, None, [], 0).encode() for m in sent]}

    def consumer(self, **conf):
        return KafkaConsumer(bootstrap_servers=self.address, enable_auto_commit=False, fetch_max_wait_ms=100, **conf)

    def read(self, a):
        consumer = self.consumer(isolation_level=isolation(a), auto_offset_reset="none")
        try:
            consumer.assign([TopicPartition(a.topic, p) for p in a.offsets])
            for p, o in a.offsets.items():
                consumer.seek(TopicPartition(a.topic, p), o)
            got, deadline = [], time.monotonic() + TIMEOUT
            while len(got) < a.count:
                if time.monotonic() > deadline:
                    raise RuntimeError("read %d of %d records" % (len(got), a.count))
                got += self.take(consumer, 1000, 0)
            return {"records": [record(m).encode() for m in got]}
        finally:
            consumer.close()

    @staticmethod
    def take(consumer, millis, limit):
        got = consumer.poll(timeout_ms=millis, max_records=limit or None)
        return [m for messages in got.values() for m in messages]

    # Groups

    def member(self, a):
        consumer = self.consumer(group_id=a.group, auto_offset_reset="earliest", heartbeat_interval_ms=200,
                                 session_timeout_ms=10000, isolation_level=isolation(a),
                                 partition_assignment_strategy=(ASSIGNORS[a.assignor],),
                                 group_instance_id=a.instance or None)
        consumer.subscribe([a.topic])
        # A leader that joins before it knows the topic joins again when it
        # does. If a poll's time is up while that SyncGroup is on its way, no
        # later poll takes the answer (3.0.12): the member stays without
        # partitions and heartbeats. So it learns of the topic first.
        consumer.topics()
        return consumer

    def open(self, a):
        self.consumers[a.on] = self.member(a)

    def poll(self, a):
        consumer = self.consumers[a.on]
        got = self.take(consumer, a.millis, a.count)
        return {"records": [record(m).encode() for m in got],
                "assigned": sorted(p.partition for p in consumer.assignment() or [])}

    def commit(self, a):
        self.consumers[a.on].commit()

    def close(self, a):
        self.consumers.pop(a.on).close()

    # Transactions

    def tx_open(self, a):
        producer = KafkaProducer(bootstrap_servers=self.address, transactional_id=a.txid)
        producer.init_transactions()
        self.producers[a.on] = producer

    def tx_begin(self, a):
        self.producers[a.on].begin_transaction()

    def tx_send(self, a):
        return self.send(self.producers[a.on], a)

    def tx_end(self, a):
        producer = self.producers[a.on]
        (producer.commit_transaction if a.committed else producer.abort_transaction)()

    def tx_close(self, a):
        self.producers.pop(a.on).close()

    def transform(self, a):
        consumer = self.member(a)
        producer = KafkaProducer(bootstrap_servers=self.address, transactional_id=a.txid)
        producer.init_transactions()
        done = transactions = aborted = 0
        deadline = time.monotonic() + TIMEOUT
        try:
            while done < a.count:
                if time.monotonic() > deadline:
                    raise RuntimeError("transformed %d of %d records" % (done, a.count))
                batch = self.take(consumer, 1000, TX_BATCH)
                if not batch:
                    continue
                transactions += 1
                producer.begin_transaction()
                first, after = {}, {}
                for m in batch:
                    producer.send(a.out, key=m.key, value=b"out " + m.value, partition=m.partition)
                    tp = TopicPartition(m.topic, m.partition)
                    first.setdefault(tp, m.offset)
                    after[tp] = OffsetAndMetadata(m.offset + 1, "", -1)
                producer.send_offsets_to_transaction(after, consumer.group_metadata())
                if transactions % ABORT_EVERY:
                    producer.commit_transaction()
                    done += len(batch)
                    continue
                producer.flush()  # abort drops what was not sent
                producer.abort_transaction()
                aborted += 1
                for tp, o in first.items():
                    consumer.seek(tp, o)
        finally:
            consumer.close()
            producer.close()
        return {"aborted": aborted}

    # Administration

    def create_topic(self, a):
        self.admin.create_topics({a.topic: {"num_partitions": a.partitions, "replication_factor": 1,
                                            "configs": a.configs}})

    def delete_topic(self, a):
        self.admin.delete_topics([a.topic])

    def topics(self, a):
        return {"topics": {t["name"]: len(t["partitions"]) for t in self.admin.describe_topics()}}

    def add_partitions(self, a):
        self.admin.create_partitions({a.topic: a.partitions})

    def configs(self, a):
        got = self.admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, a.topic, None)], config_filter="all")
        return {"configs": {k: e["value"] for k, e in got["topic"][a.topic].items()}}

    def set_configs(self, a):
        topic = ConfigResourceType.TOPIC
        changes = {k: ("SET", v) for k, v in a.configs.items()}
        changes.update({k: ("DELETE", None) for k in a.unset})
        got = self.admin.alter_configs([ConfigResource(topic, a.topic, changes)])
        check(got["topic"])

    def delete_records(self, a):
        got = self.admin.delete_records({TopicPartition(a.topic, p): o for p, o in a.offsets.items()})
        return {"offsets": {tp.partition: r["low_watermark"] for tp, r in got.items()}}

    def offsets(self, a):
        specs = {"earliest": OffsetSpec.EARLIEST, "latest": OffsetSpec.LATEST, "max_timestamp": OffsetSpec.MAX_TIMESTAMP}
        spec = specs[a.at] if a.at in specs else int(a.at)
        partitions = self.admin.describe_topics([a.topic])[0]["partitions"]
        level = IsolationLevel.READ_COMMITTED if a.committed else IsolationLevel.READ_UNCOMMITTED
        got = self.admin.list_partition_offsets(
            {TopicPartition(a.topic, p["partition_index"]): spec for p in partitions}, level)
        return {"offsets": {tp.partition: o.offset for tp, o in got.items()}}

    def groups(self, a):
        return {"groups": {g["group_id"]: g["group_state"] for g in self.admin.list_groups()}}

    def group(self, a):
        g = self.admin.describe_groups([a.group])[a.group]
        if g["error"]:
            raise RuntimeError(g["error"])
        members = []
        for m in g["members"]:
            assigned = m["member_assignment"]
            topics = assigned["assigned_partitions"] if assigned else []
            members.append({"instance": m["group_instance_id"] or "",
                            "assigned": sorted(p for t in topics for p in t["partitions"])})
        return {"state": g["group_state"], "assignor": g["protocol_data"], "members": members}

    def committed(self, a):
        got = self.admin.list_group_offsets({a.group: None})[a.group]
        return {"offsets": {tp.partition: o.offset for tp, o in got.items()}}

    def set_committed(self, a):
        offsets = {TopicPartition(a.topic, p): OffsetAndMetadata(o, "", -1) for p, o in a.offsets.items()}
        check(self.admin.alter_group_offsets(a.group, offsets))

    def delete_group(self, a):
        check(self.admin.delete_groups([a.group]))

    def cluster(self, a):
        got = self.admin.describe_cluster()
        return {"cluster": got["cluster_id"], "brokers": ["%s:%d" % (b["host"], b["port"]) for b in got["brokers"]]}

    def transactions(self, a):
        got = self.admin.list_transactions()
        return {"groups": {t.transactional_id: t.state.value for ts in got.values() for t in ts}}


def isolation(a):
    return "read_committed" if a.committed else "read_uncommitted"


def check(results):
    """Raises the first error of a result that maps things to errors."""
    for what, error in results.items():
        if error not in (None, "OK", kafka.errors.NoError):
            raise RuntimeError("%s: %s" % (what, error))
