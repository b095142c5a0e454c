"""Read a topic in a group, as whom the settings say, until nothing comes any more.

    python clerk.py SETTINGS TOPIC GROUP

SETTINGS is the file that `fab client USER` writes. Says what brokers refuse, and ends with 1 then.
"""

import argparse
import json
import sys
from pathlib import Path

from confluent_kafka import Consumer

FIRST_S, MORE_S = 20, 3  # to wait for the first record, and for one more


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("settings", type=Path)
    parser.add_argument("topic")
    parser.add_argument("group")
    said = parser.parse_args()

    consumer = Consumer({
        **json.loads(said.settings.read_text()),
        "group.id": said.group, "auto.offset.reset": "earliest", "enable.auto.commit": False,
        "allow.auto.create.topics": False,
    })
    # A client goes on trying whatever brokers say; a person would rather know.
    if (error := consumer.list_topics(said.topic, timeout=FIRST_S).topics[said.topic].error):
        sys.exit(f"{error.name()}: {error.str()}")
    consumer.subscribe([said.topic])
    count = 0
    while (message := consumer.poll(MORE_S if count else FIRST_S)) is not None:
        if (error := message.error()) is not None:
            sys.exit(f"{error.name()}: {error.str()}")
        count += 1
    if count:
        consumer.commit(asynchronous=False)
    consumer.close()
    print(f"{count} records read, and committed for {said.group}")


if __name__ == "__main__":
    main()
