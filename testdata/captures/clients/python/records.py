"""The arguments of a capture, and the records in the files they name."""

import re
import sys
from collections import namedtuple

Settings = namedtuple("Settings", "bootstrap topic compression acks identity speaks records")
Record = namedtuple("Record", "partition timestamp key value headers")


def settings():
    """BOOTSTRAP TOPIC COMPRESSION ACKS IDENTITY SPEAKS FILE..., as the chore gives them.

    IDENTITY is none, idempotent or transactional; SPEAKS is the version of Kafka to talk as to, or newest.
    """
    bootstrap, topic, compression, acks, identity, speaks, *files = sys.argv[1:]
    records = [record(line) for file in files for line in lines(file)]
    return Settings(bootstrap, topic, compression, acks, identity, speaks, records)


def lines(file):
    with open(file, encoding="utf-8") as text:
        return [line.rstrip("\n") for line in text if not line.startswith("#")]


def record(line):
    partition, timestamp, key, value, *headers = line.split("\t")
    headers = [(content(name).decode(), content(value)) for name, value in zip(headers[::2], headers[1::2])]
    return Record(int(partition), int(timestamp), content(key), content(value), headers)


def content(field):
    if field == "null":
        return None
    text, times = re.fullmatch(r'"(.*)"(?:\*(\d+))?', field).groups()
    return text.encode() * int(times or 1)
