"""What a client sees when it fills the catalog."""

from tests.sandbox.talk import a_variant, an_item, catalog_job, pointers


def done(klaviyo, clock, kind, action, *objects):
    path = f"catalog-{kind}-bulk-{action}-jobs"
    answer = klaviyo.post(path, catalog_job(kind, action, *objects))
    assert answer.status_code == 202, answer.text
    clock.forward(1)
    return klaviyo.get(f"{path}/{answer.json()['data']['id']}").json()["data"]["attributes"]


def test_items_come_before_their_variants(klaviyo, clock):
    orphan = done(klaviyo, clock, "variant", "create", a_variant())
    item = done(klaviyo, clock, "item", "create", an_item())
    variant = done(klaviyo, clock, "variant", "create", a_variant())

    assert [job["failed_count"] for job in (orphan, item, variant)] == [1, 0, 0]
    assert list(klaviyo.look("catalog")["variants"]) == ["$custom:::$default:::1-1"]


def test_creating_twice_fails_for_the_one_that_exists(klaviyo, clock):
    done(klaviyo, clock, "item", "create", an_item("1"))

    job = done(klaviyo, clock, "item", "create", an_item("1"), an_item("2"))

    assert (job["status"], job["completed_count"], job["failed_count"]) == ("complete", 1, 1)
    [error] = job["errors"]
    assert error["source"]["pointer"] == "/data/attributes/items/data/0"


def test_updating_what_is_missing_fails(klaviyo, clock):
    gone = {"id": "$custom:::$default:::404", "attributes": {"title": "Cup"}}

    assert done(klaviyo, clock, "item", "update", gone)["errors"][0]["code"] == "not_found"


def test_update_and_delete_change_the_shelf(klaviyo, clock):
    own = "$custom:::$default:::1"
    done(klaviyo, clock, "item", "create", an_item("1"))
    done(klaviyo, clock, "variant", "create", a_variant())

    done(klaviyo, clock, "item", "update", {"id": own, "attributes": {"title": "Cup"}})
    clock.forward(2)
    shown = klaviyo.get("catalog-items").json()["data"]
    done(klaviyo, clock, "item", "delete", {"id": own})

    assert [one["attributes"]["title"] for one in shown] == ["Cup"]
    assert klaviyo.look("catalog") == {"items": {}, "variants": {}, "categories": {}}


def test_a_missing_field_refuses_the_job(klaviyo):
    bad = an_item()
    del bad["attributes"]["url"]

    answer = klaviyo.post("catalog-item-bulk-create-jobs", catalog_job("item", "create", bad))

    assert answer.status_code == 400
    assert pointers(answer) == ["/data/attributes/items/data/0/attributes/url"]


def test_a_hundred_objects_are_the_most(klaviyo):
    many = [an_item(str(n)) for n in range(101)]

    answer = klaviyo.post("catalog-item-bulk-create-jobs", catalog_job("item", "create", *many))

    assert answer.status_code == 400


def test_too_many_unfinished_jobs_are_refused_until_some_finish(klaviyo, clock):
    klaviyo.script(max_jobs=2)

    def submit(number):
        job = catalog_job("item", "create", an_item(str(number)))
        return klaviyo.post("catalog-item-bulk-create-jobs", job).status_code

    first = [submit(n) for n in range(3)]
    clock.forward(5)

    assert first == [202, 202, 400]
    assert submit(4) == 202


def test_jobs_finish_in_the_order_they_came(klaviyo, clock):
    klaviyo.post("catalog-item-bulk-create-jobs", catalog_job("item", "create", an_item("1")))
    klaviyo.script(job_seconds=0)
    update = {"id": "$custom:::$default:::1", "attributes": {"title": "Cup"}}
    klaviyo.post("catalog-item-bulk-update-jobs", catalog_job("item", "update", update))

    clock.forward(1)

    items = klaviyo.look("catalog")["items"]
    assert [row["attributes"]["title"] for row in items.values()] == ["Cup"]
