"""Write numbered records in one transaction, and end it in the way that is asked for.

commit, abort: as they say. leave: the program ends without either, as one that crashed.
"""

import argparse
import json
import os
from pathlib import Path

from confluent_kafka import Producer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bootstrap")
    parser.add_argument("topic")
    parser.add_argument("transactional_id")
    parser.add_argument("end", choices=("commit", "abort", "leave"))
    parser.add_argument("records", type=int)
    said = parser.parse_args()

    # What brokers ask for where they are closed; the task says when.
    closed = os.environ.get("CLIENT")
    producer = Producer({
        **(json.loads(Path(closed).read_text()) if closed else {}),
        "bootstrap.servers": said.bootstrap,
        "transactional.id": said.transactional_id,  # idempotence and acks=all come with it
        "transaction.timeout.ms": 300_000,  # then the coordinator aborts it
    })
    producer.init_transactions(30)  # ends what a former producer of this id left open
    producer.begin_transaction()
    for number in range(1, said.records + 1):
        producer.produce(said.topic, str(number))
    producer.flush(30)  # they are in the log now, and the transaction is open
    if said.end == "commit":
        producer.commit_transaction(30)
    elif said.end == "abort":
        producer.abort_transaction(30)
    print(f"{said.records} records, {said.end}")


if __name__ == "__main__":
    main()
