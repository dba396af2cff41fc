"""Sends the records of a job with confluent-kafka's serializers. tests/serializers/README.md describes the arguments."""

import argparse
import base64
import datetime
import decimal
import faulthandler
import json
import os
import sys

import confluent_kafka
from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient, topic_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PATIENCE_S = 90


def utc(millis):
    return datetime.datetime.fromtimestamp(0, datetime.timezone.utc) + datetime.timedelta(milliseconds=millis)


def without(value, version):
    """The fields that a version of the schema has."""
    value = dict(value)
    if version >= 3:
        del value["note"]
    if version < 1:
        del value["fee"]
    return value


def of_avro(value, version):
    value = without(value, version)
    value["at"] = utc(value.pop("at_ms"))
    value["day"] = datetime.date.fromisoformat(value["day"])
    value["amount"] = decimal.Decimal(value.pop("amount_cents")).scaleb(-2)
    value["raw"] = base64.b64decode(value["raw"])
    return value


def of_json(value, version):
    value = without(value, version)
    value["at"] = utc(value.pop("at_ms")).isoformat()
    value["amount"] = value.pop("amount_cents") / 100
    del value["either"], value["trader"]
    return value


def trade_class(version):
    """The class of a version's message. All versions have one name, so that each needs a pool of its own."""
    file = os.path.join(os.environ["QUAFKA_CLIENTS_BUILD"], "python", f"v{version + 1}.desc")
    with open(file, "rb") as descriptors:
        files = descriptor_pb2.FileDescriptorSet.FromString(descriptors.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("example.Trade"))


def of_protobuf(value, version, trade):
    value = without(value, version)
    seconds, millis = divmod(value["at_ms"], 1_000)
    message = trade(
        id=value["id"], symbol=value["symbol"], price=value["price"], side=value["side"], levels=value["levels"],
        tags=value["tags"], raw=base64.b64decode(value["raw"]),
    )
    message.at.seconds, message.at.nanos = seconds, millis * 1_000_000
    message.venue.name = value["venue"]["name"]
    if value["venue"]["region"] is not None:
        message.venue.region = value["venue"]["region"]
    for name in ("qty", "note", "fee"):
        if value.get(name) is not None:
            setattr(message, name, value[name])
    if isinstance(value["either"], int):
        message.either_long = value["either"]
    elif value["either"] is not None:
        message.either_string = value["either"]
    if version >= 3:
        message.trader = value["trader"]
    return message


def serializers(kind, schemas, registry):
    """What makes bytes of a value, by the schema's version."""
    if kind == "raw":
        return [lambda value, _context: base64.b64decode(value)]
    client = SchemaRegistryClient({"url": registry, "timeout": 20})
    # Without it the registry is asked for each record what its subject may be, by an API that is Confluent's alone.
    conf = {"subject.name.strategy": topic_subject_name_strategy}
    if kind == "avro":
        made = [AvroSerializer(client, schema, conf=conf) for schema in schemas]
        convert = [of_avro] * len(made)
    elif kind == "json":
        made = [JSONSerializer(schema, client, conf=conf) for schema in schemas]
        convert = [of_json] * len(made)
    else:
        classes = [trade_class(version) for version in range(len(schemas))]
        made = [ProtobufSerializer(trade, client, conf | {"use.deprecated.format": False}) for trade in classes]
        convert = [lambda value, version: of_protobuf(value, version, classes[version])] * len(made)
    return [
        lambda value, context, version=version: made[version](convert[version](value, version), context)
        for version in range(len(made))
    ]


def main():
    parser = argparse.ArgumentParser()
    for name in ("brokers", "registry", "topic", "format", "job"):
        parser.add_argument(f"--{name}", required=True)
    options, _others = parser.parse_known_args()
    # Where it hangs, should it, and not only that it does.
    faulthandler.dump_traceback_later(PATIENCE_S + 20, exit=True)
    with open(options.job) as file:
        job = json.load(file)
    result = {"client": "confluent-kafka", "version": confluent_kafka.__version__, "sent": 0, "acked": 0, "errors": []}

    def delivered(error, _message):
        if error is None:
            result["acked"] += 1
        else:
            result["errors"].append(str(error))

    made = serializers(options.format, job["schemas"], options.registry)
    producer = Producer({"bootstrap.servers": options.brokers, "delivery.timeout.ms": PATIENCE_S * 1_000})
    context = SerializationContext(options.topic, MessageField.VALUE)
    for record in job["records"]:
        value = made[record["schema"]](record["value"], context)
        producer.produce(options.topic, value, partition=0, on_delivery=delivered)
        producer.poll(0)
        result["sent"] += 1
    producer.flush(PATIENCE_S)
    result["errors"] = result["errors"][:10]
    print(json.dumps(result), flush=True)
    sys.exit(0 if result["acked"] == result["sent"] and not result["errors"] else 1)


if __name__ == "__main__":
    main()
