"""The client confluent-kafka, librdkafka underneath."""

import time

from confluent_kafka import (Consumer, ConsumerGroupTopicPartitions, IsolationLevel, KafkaError, KafkaException,
                             Producer, TopicPartition)
from confluent_kafka.admin import (AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions,
                                   NewTopic, OffsetSpec, ResourceType)

from wire import Record

TIMEOUT = 60  # seconds
TX_BATCH = 20  # records in a transaction of transform
ABORT_EVERY = 3  # this transaction of transform is aborted and done again


def record(m):
    return Record(m.partition(), m.offset(), m.key(), m.value(), m.headers() or [], m.timestamp()[1])


class Client:
    def __init__(self, address):
        self.address = address
        self.admin = AdminClient({"bootstrap.servers": address})
        self.consumers, self.producers = {}, {}

    # Records

    def produce(self, a):
        conf = {"bootstrap.servers": self.address, "enable.idempotence": True, "compression.type": a.codec}
        if a.max_bytes:
            conf["message.max.bytes"] = a.max_bytes
        return self.send(Producer(conf), a)

    @staticmethod
    def send(producer, a):
        sent, errors = [None] * len(a.records), []

        def delivered(i):
            def callback(err, m):
                if err is not None:
                    errors.append(err)
                else:
                    sent[i] = Record(m.partition(), m.offset(), None, None, [], 0).encode()
            return callback

        for i, r in enumerate(a.records):
            producer.produce(a.topic, value=r.value, key=r.key, partition=r.partition, timestamp=r.millis,
                             headers=r.headers, on_delivery=delivered(i))
        left = producer.flush(TIMEOUT)
        if errors:
            raise KafkaException(errors[0])
        if left:
            raise RuntimeError("%d records were not answered" % left)
        return {"records": sent}

    def read(self, a):
        conf = {"bootstrap.servers": self.address, "group.id": "unused", "enable.auto.commit": False,
                "isolation.level": "read_committed" if a.committed else "read_uncommitted",
                "auto.offset.reset": "error", "fetch.wait.max.ms": 100}
        consumer = Consumer(conf)
        try:
            consumer.assign([TopicPartition(a.topic, p, o) for p, o in a.offsets.items()])
            got, deadline = [], time.monotonic() + TIMEOUT
            while len(got) < a.count:
                if time.monotonic() > deadline:
                    raise RuntimeError("read %d of %d records" % (len(got), a.count))
                got += self.take(consumer, 1, 0)
            return {"records": [record(m).encode() for m in got]}
        finally:
            consumer.close()

    @staticmethod
    def take(consumer, seconds, limit):
        """Waits for a first message and takes what is there with it."""
        first = consumer.poll(seconds)
        messages = [] if first is None else [first]
        if messages and limit != 1:
            messages += consumer.consume(limit - 1 if limit else 1000, 0.02)
        for m in messages:
            if m.error() is not None:
                raise KafkaException(m.error())
        return messages

    # Groups

    def member(self, a):
        conf = {"bootstrap.servers": self.address, "group.id": a.group, "enable.auto.commit": False,
                "auto.offset.reset": "earliest", "fetch.wait.max.ms": 100, "topic.metadata.refresh.interval.ms": 1000,
                "isolation.level": "read_committed" if a.committed else "read_uncommitted"}
        if a.protocol == "consumer":
            conf["group.protocol"] = "consumer"
            if a.assignor:
                conf["group.remote.assignor"] = a.assignor
        else:
            conf["heartbeat.interval.ms"], conf["session.timeout.ms"] = 200, 10000
            if a.assignor:
                conf["partition.assignment.strategy"] = a.assignor
        if a.instance:
            conf["group.instance.id"] = a.instance
        consumer = Consumer(conf)
        consumer.subscribe([a.topic])
        return consumer

    def open(self, a):
        self.consumers[a.on] = self.member(a)

    def poll(self, a):
        consumer = self.consumers[a.on]
        got = self.take(consumer, a.millis / 1000, a.count)
        return {"records": [record(m).encode() for m in got],
                "assigned": sorted(p.partition for p in consumer.assignment())}

    def commit(self, a):
        try:
            self.consumers[a.on].commit(asynchronous=False)
        except KafkaException as e:
            if e.args[0].code() != KafkaError._NO_OFFSET:
                raise

    def close(self, a):
        self.consumers.pop(a.on).close()

    # Transactions

    def tx_open(self, a):
        producer = Producer({"bootstrap.servers": self.address, "transactional.id": a.txid})
        producer.init_transactions(TIMEOUT)
        self.producers[a.on] = producer

    def tx_begin(self, a):
        self.producers[a.on].begin_transaction()

    def tx_send(self, a):
        return self.send(self.producers[a.on], a)

    def tx_end(self, a):
        producer = self.producers[a.on]
        (producer.commit_transaction if a.committed else producer.abort_transaction)(TIMEOUT)

    def tx_close(self, a):
        del self.producers[a.on]

    def transform(self, a):
        consumer = self.member(a)
        producer = Producer({"bootstrap.servers": self.address, "transactional.id": a.txid})
        producer.init_transactions(TIMEOUT)
        done = transactions = aborted = 0
        deadline = time.monotonic() + TIMEOUT
        try:
            while done < a.count:
                if time.monotonic() > deadline:
                    raise RuntimeError("transformed %d of %d records" % (done, a.count))
                batch = self.take(consumer, 1, TX_BATCH)
                if not batch:
                    continue
                transactions += 1
                producer.begin_transaction()
                for m in batch:
                    producer.produce(a.out, key=m.key(), value=b"out " + m.value(), partition=m.partition())
                producer.send_offsets_to_transaction(consumer.position(consumer.assignment()),
                                                     consumer.consumer_group_metadata(), TIMEOUT)
                if transactions % ABORT_EVERY:
                    producer.commit_transaction(TIMEOUT)
                    done += len(batch)
                    continue
                producer.flush(TIMEOUT)  # abort drops what was not sent
                producer.abort_transaction(TIMEOUT)
                aborted += 1
                first = {}
                for m in batch:
                    first.setdefault(m.partition(), m.offset())
                for p, o in first.items():
                    consumer.seek(TopicPartition(a.topic, p, o))
        finally:
            consumer.close()
        return {"aborted": aborted}

    # Administration

    @staticmethod
    def wait(futures):
        return {k: f.result(TIMEOUT) for k, f in futures.items()}

    def create_topic(self, a):
        self.wait(self.admin.create_topics([NewTopic(a.topic, a.partitions, 1, config=a.configs)]))

    def delete_topic(self, a):
        self.wait(self.admin.delete_topics([a.topic]))

    def topics(self, a):
        topics = self.admin.list_topics(timeout=TIMEOUT).topics
        return {"topics": {name: len(t.partitions) for name, t in topics.items()}}

    def add_partitions(self, a):
        self.wait(self.admin.create_partitions([NewPartitions(a.topic, a.partitions)]))

    def configs(self, a):
        got = self.wait(self.admin.describe_configs([ConfigResource(ResourceType.TOPIC, a.topic)]))
        return {"configs": {e.name: e.value for r in got.values() for e in r.values()}}

    def set_configs(self, a):
        entries = [ConfigEntry(k, v, incremental_operation=AlterConfigOpType.SET) for k, v in a.configs.items()]
        entries += [ConfigEntry(k, None, incremental_operation=AlterConfigOpType.DELETE) for k in a.unset]
        self.wait(self.admin.incremental_alter_configs([
            ConfigResource(ResourceType.TOPIC, a.topic, incremental_configs=entries)]))

    def delete_records(self, a):
        got = self.wait(self.admin.delete_records([TopicPartition(a.topic, p, o) for p, o in a.offsets.items()]))
        return {"offsets": {tp.partition: r.low_watermark for tp, r in got.items()}}

    def offsets(self, a):
        specs = {"earliest": OffsetSpec.earliest, "latest": OffsetSpec.latest, "max_timestamp": OffsetSpec.max_timestamp}
        spec = specs[a.at]() if a.at in specs else OffsetSpec.for_timestamp(int(a.at))
        partitions = self.admin.list_topics(a.topic, timeout=TIMEOUT).topics[a.topic].partitions
        level = IsolationLevel.READ_COMMITTED if a.committed else IsolationLevel.READ_UNCOMMITTED
        got = self.wait(self.admin.list_offsets({TopicPartition(a.topic, p): spec for p in partitions},
                                                isolation_level=level))
        return {"offsets": {tp.partition: r.offset for tp, r in got.items()}}

    def groups(self, a):
        got = self.admin.list_consumer_groups().result(TIMEOUT)
        if got.errors:
            raise got.errors[0]
        return {"groups": {g.group_id: state(g.state) for g in got.valid}}

    def group(self, a):
        g = self.wait(self.admin.describe_consumer_groups([a.group]))[a.group]
        members = [{"instance": m.group_instance_id or "",
                    "assigned": sorted(p.partition for p in m.assignment.topic_partitions)} for m in g.members]
        return {"state": state(g.state), "assignor": g.partition_assignor, "members": members}

    def committed(self, a):
        got = self.wait(self.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(a.group)]))
        return {"offsets": {p.partition: p.offset for g in got.values() for p in g.topic_partitions}}

    def set_committed(self, a):
        offsets = [TopicPartition(a.topic, p, o) for p, o in a.offsets.items()]
        got = self.wait(self.admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(a.group, offsets)]))
        for g in got.values():
            for p in g.topic_partitions:
                if p.error is not None:
                    raise KafkaException(p.error)

    def delete_group(self, a):
        self.wait(self.admin.delete_consumer_groups([a.group]))

    def cluster(self, a):
        got = self.admin.describe_cluster().result(TIMEOUT)
        return {"cluster": got.cluster_id, "brokers": ["%s:%d" % (n.host, n.port) for n in got.nodes]}


def state(s):
    """Kafka's spelling: PreparingRebalance for PREPARING_REBALANCING and so on."""
    return {"STABLE": "Stable", "EMPTY": "Empty", "DEAD": "Dead"}.get(s.name, s.name)
