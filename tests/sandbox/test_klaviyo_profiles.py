"""What a client sees when it imports people."""

from tests.sandbox.talk import ALICE, BOB, a_profile, an_event, person, pointers, profile_job

PHONE = "+12025550123"


def test_import_creates_then_updates_the_same_profile(klaviyo):
    made = klaviyo.post("profile-import", a_profile(email=ALICE, first_name="Alice"))
    changed = klaviyo.post("profile-import", a_profile(email=ALICE.upper(), last_name="Adams"))

    assert (made.status_code, changed.status_code) == (201, 200)
    assert made.json()["data"]["id"] == changed.json()["data"]["id"]
    assert changed.json()["data"]["attributes"]["first_name"] == "Alice"


def test_null_clears_and_omission_keeps(klaviyo):
    klaviyo.post("profile-import", a_profile(email=ALICE, first_name="Alice", last_name="Adams"))

    answer = klaviyo.post("profile-import", a_profile(email=ALICE, first_name=None))

    shown = answer.json()["data"]["attributes"]
    assert (shown["first_name"], shown["last_name"]) == (None, "Adams")


def test_identifiers_of_two_people_conflict(klaviyo):
    klaviyo.post("profile-import", a_profile(email=ALICE))
    other = klaviyo.post("profile-import", a_profile(phone_number=PHONE)).json()["data"]["id"]

    answer = klaviyo.post("profile-import", a_profile(email=ALICE, phone_number=PHONE))

    assert answer.status_code == 409
    [error] = answer.json()["errors"]
    assert error["code"] == "duplicate_profile"
    assert error["meta"]["duplicate_profile_id"] == other


def test_an_event_finds_the_profile_by_external_id_before_email(klaviyo):
    mine = klaviyo.post("profile-import", a_profile(external_id="shopify:1")).json()["data"]["id"]
    klaviyo.post("profile-import", a_profile(email=BOB))

    klaviyo.post("events", an_event(profile=person(external_id="shopify:1", email=BOB)))

    assert [event["profile_id"] for event in klaviyo.events()] == [mine]


def test_one_malformed_address_refuses_a_whole_job(klaviyo):
    job = profile_job({"email": ALICE}, {"email": "not an address"})

    answer = klaviyo.post("profile-bulk-import-jobs", job)

    assert answer.status_code == 400
    assert pointers(answer) == ["/data/attributes/profiles/data/1/attributes/email"]


def test_a_job_is_queued_then_processing_then_complete(klaviyo, clock):
    job = profile_job({"email": ALICE}, {"first_name": "Nobody"})

    answer = klaviyo.post("profile-bulk-import-jobs", job)
    at = f"profile-bulk-import-jobs/{answer.json()['data']['id']}"
    seen = []
    for _ in range(3):
        seen.append(klaviyo.get(at).json()["data"]["attributes"])
        clock.forward(0.3)

    assert answer.status_code == 202
    assert [one["status"] for one in seen] == ["queued", "processing", "complete"]
    assert [seen[2][name] for name in ("total_count", "completed_count", "failed_count")] == [
        2,
        1,
        1,
    ]
    [error] = klaviyo.get(f"{at}/import-errors").json()["data"]
    assert error["attributes"]["original_payload"]["attributes"] == {"first_name": "Nobody"}


def test_profiles_are_found_once_they_are_visible(klaviyo, clock):
    klaviyo.post("profile-import", a_profile(email=ALICE, first_name="Alice"))
    wanted = f'equals(email,"{ALICE}")'

    early = klaviyo.get("profiles", filter=wanted).json()["data"]
    clock.forward(2)
    late = klaviyo.get("profiles", filter=wanted).json()["data"]
    klaviyo.post("profile-import", a_profile(email=ALICE, first_name="Alicia"))
    stale = klaviyo.get("profiles", filter=wanted).json()["data"]

    assert early == []
    assert [one["attributes"]["first_name"] for one in late + stale] == ["Alice", "Alice"]


def test_a_collection_is_followed_by_its_links(klaviyo, clock):
    for number in range(5):
        klaviyo.post("profile-import", a_profile(email=f"p{number}@mail.alpine-demo.shop"))
    clock.forward(2)

    first = klaviyo.get("profiles", **{"page[size]": "3"}).json()
    headers = {"Authorization": "Klaviyo-API-Key pk_demo", "revision": "2026-07-15"}
    second = klaviyo.session.get(first["links"]["next"], headers=headers, timeout=5).json()

    assert [len(first["data"]), len(second["data"])] == [3, 2]
    assert second["links"]["next"] is None


def test_erasure_takes_the_events_along(klaviyo):
    klaviyo.post("events", an_event())
    one = {"data": {"type": "profile", "attributes": {"email": ALICE}}}
    body = {"data": {"type": "data-privacy-deletion-job", "attributes": {"profile": one}}}

    assert klaviyo.post("data-privacy-deletion-jobs", body).status_code == 202

    assert klaviyo.events() == []
