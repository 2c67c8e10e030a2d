"""The same reading and loading by dlt, in a virtual environment of its own.

Run by `benchmarks.peer` with that environment's Python; it imports nothing of ours. It reads the
same pages of the same query, makes the same two kinds of events out of each order (one for the
order, one for each line), and loads them in the same requests of a thousand.
"""

import json
import os
import sys
import time

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"

import dlt
import requests

PAGE = 100


def main() -> None:
    """Read and load everything; prints one line of JSON."""
    spec = json.loads(sys.argv[1])
    began, cpu = time.time(), time.process_time()
    seen = {"orders": 0, "events": 0}
    pipeline = dlt.pipeline(
        pipeline_name="peer",
        destination=_destination(spec, seen),
        pipelines_dir=spec["directory"],
    )
    pipeline.run(_events(spec, seen))
    took = {"seconds": time.time() - began, "cpu": time.process_time() - cpu}
    print(json.dumps(seen | took))


def _events(spec: dict, seen: dict):
    @dlt.resource(name="events", max_table_nesting=0)
    def events():
        session, after = requests.Session(), None
        session.headers["X-Shopify-Access-Token"] = spec["token"]
        while True:
            variables = {
                "first": PAGE,
                "after": after,
                "search": spec["search"],
                "sort": "CREATED_AT",
            }
            asked = {"query": spec["query"], "variables": variables}
            page = session.post(spec["shop"], json=asked, timeout=60).json()["data"]["orders"]
            seen["orders"] += len(page["nodes"])
            yield [event for order in page["nodes"] for event in _told(order)]
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]

    return events


def _told(order: dict):
    if not order["email"]:
        return
    common = {"email": order["email"], "time": order["processedAt"] or order["createdAt"]}
    number = order["legacyResourceId"]
    lines = order["lineItems"]["nodes"]
    properties = {"OrderId": number, "Items": lines, "BillingAddress": order["billingAddress"]}
    value = float(order["totalPriceSet"]["shopMoney"]["amount"])
    yield common | {
        "metric": "Placed Order",
        "unique_id": number,
        "value": value,
        "properties": properties,
    }
    for line in lines:
        own = line["id"].rpartition("/")[2]
        price = float(line["originalUnitPriceSet"]["shopMoney"]["amount"]) * line["quantity"]
        yield common | {
            "metric": "Ordered Product",
            "unique_id": f"{number}_{own}",
            "value": price,
            "properties": {"OrderId": number, "ProductName": line["title"], "SKU": line["sku"]},
        }


def _destination(spec: dict, seen: dict):
    session = requests.Session()
    session.headers.update(
        {
            "Authorization": f"Klaviyo-API-Key {spec['key']}",
            "revision": spec["revision"],
            "Content-Type": "application/vnd.api+json",
        }
    )

    @dlt.destination(
        name="klaviyo",
        batch_size=1000,
        skip_dlt_columns_and_tables=True,
        max_table_nesting=0,
        naming_convention="direct",
    )
    def klaviyo(items, table):
        body = {"events-bulk-create": {"data": [_bulk(one) for one in items]}}
        whole = {"data": {"type": "event-bulk-create-job", "attributes": body}}
        url = f"{spec['klaviyo']}/api/event-bulk-create-jobs"
        answer = session.post(url, json=whole, timeout=60)
        answer.raise_for_status()
        seen["events"] += len(items)

    return klaviyo


def _bulk(one: dict) -> dict:
    properties = one["properties"]
    event = {
        "metric": {"data": {"type": "metric", "attributes": {"name": one["metric"]}}},
        "properties": json.loads(properties) if isinstance(properties, str) else properties,
        "time": str(one["time"]).replace(" ", "T"),
        "unique_id": one["unique_id"],
        "value": float(one["value"]),
        "backfill": True,
    }
    profile = {"data": {"type": "profile", "attributes": {"email": one["email"].lower()}}}
    return {
        "type": "event-bulk-create",
        "attributes": {
            "backfill": True,
            "profile": profile,
            "events": {"data": [{"type": "event", "attributes": event}]},
        },
    }


if __name__ == "__main__":
    main()
