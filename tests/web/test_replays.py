"""Sending failed records again on pages: what each says, who may, and that nothing begins twice."""

import json
import re
from uuid import uuid4

import pytest
from django.urls import reverse

from integrations.domain import friction, permissions
from integrations.domain.replays import ItemState, Prospect, ReplayState
from integrations.models import Cause, DeadLetter, Event, Replay, ReplayItem
from integrations.pipeline import audit, replays
from integrations.pipeline.failed_lists import FailedFilter
from tests import factories as a
from tests.pipeline.conftest import an_order


def read(client, name, row=None, query="", **headers):
    url = reverse(name, args=[row.public_id] if row else []) + query
    return " ".join(client.get(url, headers=headers).content.decode().split())


def act(client, name, row=None, **fields):
    url = reverse(name, args=[row.public_id] if row else [])
    return client.post(url, fields)


def letters(store, count, **changes):
    """So many orders that were given up because Klaviyo did not answer, written at once."""
    cause = a.a_cause(store.merchant, code="gave_up", field="", rule="")
    first = 5_000_000 + Event.objects.count()
    events = Event.objects.bulk_create(
        Event(
            store=store,
            topic="orders/create",
            webhook_id=str(uuid4()),
            body=json.dumps(an_order(first + number)).encode(),
            triggered_at=a.NOON,
            received_at=a.NOON,
            next_attempt_at=a.NOON,
            settled_at=a.NOON,
            state="dead",
        )
        for number in range(count)
    )
    return DeadLetter.objects.bulk_create(
        DeadLetter(
            store=store,
            klaviyo_account=store.klaviyo_account,
            event=event,
            cause=cause,
            identity="",
            message="Klaviyo did not answer.",
            created_at=a.NOON,
            failed_at=a.NOON,
            **changes,
        )
        for event in events
    )


def drafted(world, user, prospects=(), now=a.NOON):
    """A plan of everything that is open, of which the first ones have been looked at."""
    replay = replays.draft(
        user,
        FailedFilter(),
        merchant=world.store.merchant,
        by=audit.person(user, world.store.merchant),
        key=uuid4(),
        now=now,
    )
    for item, prospect in zip(replay.items.order_by("position"), prospects, strict=False):
        ReplayItem.objects.filter(pk=item.pk).update(prospect=prospect)
    if prospects:
        Replay.objects.filter(pk=replay.pk).update(forecast_at=now)
    return replay


def begun(world, states, state="running", **changes):
    """One under way, whose records are in these states."""
    replay = a.a_replay(
        world.store.merchant,
        state=state,
        total=len(states),
        asked_by=world.owner,
        started_at=changes.pop("now", a.NOON),
        causes=[world.failed.cause_id],
        **changes,
    )
    for number, (one, letter) in enumerate(
        zip(states, letters(world.store, len(states)), strict=True), 1
    ):
        a.a_replay_item(replay, letter, position=number, state=one)
    return replay


def figures_of(page, replay):
    """Every figure of a page that opens a list of this replay: its address and its number."""
    url = re.escape(reverse("replay-records", args=[replay.public_id]))
    found = re.findall(rf'<a href="({url}[^"]*)">(?:[^<]*: )?([\d,]+)<', page)
    return [
        (address.replace("&amp;", "&"), int(number.replace(",", ""))) for address, number in found
    ]


# --- choosing ------------------------------------------------------------------------------------


def test_what_was_ticked_is_written_down_and_nothing_begins(owner, world):
    chosen = letters(world.store, 3)[:2]

    answer = act(owner, "replay-new", ids=[one.public_id for one in chosen], key=str(uuid4()))

    replay = Replay.objects.get()
    assert answer["Location"] == reverse("replay", args=[replay.public_id])
    assert (replay.state, replay.total) == (ReplayState.DRAFT, 2)
    assert set(DeadLetter.objects.values_list("state", flat=True)) == {"open"}
    page = read(owner, "replay", replay)
    assert "Send 2 records again?" in page
    assert "Nothing has been sent yet: this page is the trial run." in page


def test_a_second_click_leads_to_the_same_page(owner, world):
    key = str(uuid4())
    first, second = (act(owner, "replay-new", all="1", key=key) for _ in range(2))

    assert first["Location"] == second["Location"]
    assert Replay.objects.count() == 1


def test_all_that_match_are_those_of_the_filter(owner, world):
    other = a.a_store(world.account)
    letters(other, 4)

    act(owner, "replay-new", all="1", store=str(other.public_id), key=str(uuid4()))

    replay = Replay.objects.get()
    assert replay.total == 4
    assert f"?store={other.public_id}" in read(owner, "replay", replay)


@pytest.mark.parametrize("fields", [{}, {"ids": ["x"]}, {"all": "1", "record": "no-such"}])
def test_nothing_chosen_is_said_and_leads_back_to_the_list(owner, world, fields):
    answer = owner.post(reverse("replay-new"), {"key": str(uuid4()), **fields}, follow=True)

    assert "No record that waits for a decision was chosen." in answer.content.decode()


def test_records_of_another_merchant_cannot_be_chosen(client, world):
    client.force_login(world.foreigner)

    act(client, "replay-new", ids=[world.failed.public_id], key=str(uuid4()))
    act(client, "replay-new", all="1", cause=world.failed.cause_id, key=str(uuid4()))

    assert not ReplayItem.objects.exists()


def test_support_sends_for_one_business_at_a_time(staff, world):
    stranger = a.a_store()
    letters(stranger, 1)

    answer = staff.post(reverse("replay-new"), {"all": "1", "key": str(uuid4())}, follow=True)
    assert "belong to several businesses" in answer.content.decode()

    act(staff, "replay-new", all="1", store=stranger.public_id, key=str(uuid4()))
    assert Replay.objects.get().merchant == stranger.merchant


# --- what would happen ---------------------------------------------------------------------------


def test_each_figure_of_a_plan_opens_as_many_as_it_says(owner, world):
    chosen = letters(world.store, 9)
    replay = drafted(
        world,
        world.owner,
        ["recorded", "recorded", "ignored", "twice", "refused", "gone", "recorded"],
    )
    # Somebody else deals with one, and the content of another serves its term.
    DeadLetter.objects.filter(pk=chosen[0].pk).update(state="resolved")
    DeadLetter.objects.filter(pk=chosen[1].pk).update(erased_at=a.NOON)

    page = read(owner, "replay", replay)
    figures = figures_of(page, replay)

    assert {
        address.partition("part=")[2]: number for address, number in figures if "part" in address
    } == {
        "recorded": 2,
        "twice": 1,
        "refused": 1,
        "gone": 2,
        "unknown": 3,
        "closed": 1,
    }
    for address, number in figures:
        listed = owner.get(address).context["page"]
        assert (listed.count, len(listed.rows)) == (number, number)
    parts = [number for address, number in figures if "part" in address]
    assert sum(parts) == replay.total


def test_a_plan_looks_again_only_while_records_are_looked_at(owner, world):
    replay = drafted(world, world.owner)
    assert 'hx-trigger="every 3s' in read(owner, "replay", replay)
    Replay.objects.update(forecast_at=a.NOON)
    assert "hx-trigger" not in read(owner, "replay", replay)


def test_what_would_do_no_good_is_left_out_on_request(owner, world):
    letters(world.store, 4)
    replay = drafted(world, world.owner, ["recorded", "refused", "twice", "ignored", "gone"])
    assert "Leave out the 3 that would do no good" in read(owner, "replay", replay)

    for _ in range(2):
        act(owner, "replay-safe", replay)

    replay.refresh_from_db()
    assert replay.total == 2
    page = read(owner, "replay", replay)
    assert "All 2 can be sent again without harm" in page
    assert "Leave out" not in page


def test_a_plan_of_nothing_but_refusals_is_not_emptied(owner, world):
    replay = drafted(world, world.owner, ["refused"])

    act(owner, "replay-safe", replay)

    assert replay.items.count() == 1


def test_it_is_silent_unless_an_owner_gives_a_reason(client, world):
    replay = drafted(world, world.owner, ["recorded"])
    client.force_login(world.member)
    page = read(client, "replay", replay)
    assert "Nobody gets an e-mail about what is older than four hours." in page
    assert "Only an owner or support can let flows start" in page
    assert act(client, "replay-settings", replay, loud="on", reason="x").status_code == 403

    client.force_login(world.owner)
    answer = act(client, "replay-settings", replay, loud="on", reason=" ")
    assert answer.status_code == 400
    assert "Say why flows should start." in answer.content.decode()
    act(client, "replay-settings", replay, loud="on", reason="They never got it")

    replay.refresh_from_db()
    assert (replay.silent, replay.loud_reason) == (False, "They never got it")
    assert "and let flows start" in read(client, "replay", replay)
    client.force_login(world.member)
    assert "Only an owner or support can start this" in read(client, "replay", replay)
    assert act(client, "replay-start", replay, confirmed="1").status_code == 403


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ({"young": 0}, "No customer gets an e-mail because of this."),
        ({"young": 1, "flows": ["Thanks"]}, "1 flow listens to what these records say: “Thanks”"),
        ({"young": 1, "looked_at_flows": False}, "did not let us see which flows listen"),
        ({"ready": False}, "Nobody gets an e-mail about what is older than four hours."),
    ],
)
def test_it_says_whether_customers_could_be_messaged(owner, world, seen, words):
    replay = drafted(world, world.owner, ["recorded"])
    known = {"ready": True, "recorded": 1, "kinds": ["placed_order"], "looked_at_flows": True}
    Replay.objects.update(forecast=known | seen)

    assert words in read(owner, "replay", replay)


def test_support_sets_rate_and_limit_and_others_do_not(client, world):
    replay = drafted(world, world.owner, ["recorded"])
    client.force_login(world.owner)
    act(client, "replay-settings", replay, rate="5", most_failures="1")
    replay.refresh_from_db()
    assert (replay.rate, replay.most_failures) == (600, 20)

    client.force_login(world.support)
    act(client, "replay-settings", replay, rate="5", most_failures="0")
    replay.refresh_from_db()
    assert (replay.rate, replay.most_failures) == (5, 0)
    answer = act(client, "replay-settings", replay, rate="0", most_failures="101")
    assert answer.status_code == 400
    assert "Enter a number from 0 to 100." in answer.content.decode()


# --- friction ------------------------------------------------------------------------------------


def test_one_safe_record_takes_one_click(owner, world):
    one = letters(world.store, 1)[0]
    fields = {"ids": [one.public_id], "at_once": "1", "key": str(uuid4())}

    for _ in range(2):
        answer = act(owner, "replay-new", **fields)

    replay = Replay.objects.get()
    assert answer["Location"] == reverse("replay", args=[replay.public_id])
    assert replay.state == ReplayState.RUNNING
    assert "0 of 1 record has come to an end" in read(owner, "replay", replay)


def test_what_would_do_no_good_is_not_begun_at_once(owner, world):
    fields = {"ids": [world.failed.public_id], "at_once": "1", "key": str(uuid4())}

    act(owner, "replay-new", **fields)

    assert Replay.objects.get().state == ReplayState.DRAFT


def test_tens_are_named_on_the_button(owner, world):
    letters(world.store, 29)
    replay = drafted(world, world.owner, ["recorded"] * 30)

    page = read(owner, "replay", replay)

    assert "Send 30 again </button>" in page
    assert 'name="confirmed" value="30"' in page
    act(owner, "replay-start", replay, confirmed="30")
    replay.refresh_from_db()
    assert replay.state == ReplayState.RUNNING


def test_of_a_thousand_the_number_is_typed(owner, world):
    letters(world.store, 999)
    replay = drafted(world, world.owner, ["recorded"])
    assert "Type the number of records, 1,000, to confirm" in read(owner, "replay", replay)

    for typed in ("", "1001", "yes"):
        answer = act(owner, "replay-start", replay, confirmed=typed)
        assert answer.status_code == 400
        assert "To confirm, type the number of records: 1,000." in answer.content.decode()
    replay.refresh_from_db()
    assert replay.state == ReplayState.DRAFT

    act(owner, "replay-start", replay, confirmed="1,000")
    replay.refresh_from_db()
    assert replay.state == ReplayState.RUNNING


def test_a_button_that_is_not_yours_says_who_may(client, world):
    letters(world.store, 149)
    replay = drafted(world, world.owner, ["recorded"])
    client.force_login(world.member)

    page = read(client, "replay", replay)

    assert 'disabled aria-describedby="who-may"> Send 150 again' in page
    assert "You may send up to 100 at once. For 150, ask owners, support or administrators." in page
    answer = client.post(
        reverse("replay-start", args=[replay.public_id]), {"confirmed": "150"}, follow=True
    )
    assert "You may send 100 failed records in one go" in answer.content.decode()
    replay.refresh_from_db()
    assert replay.state == ReplayState.DRAFT


@pytest.fixture
def few_are_many(monkeypatch):
    """A second person is needed for five."""
    monkeypatch.setattr(friction, "SECOND_PERSON_FROM", 5)
    monkeypatch.setattr(replays, "SECOND_PERSON_FROM", 5)


def test_a_large_number_waits_for_a_second_person(client, world, few_are_many):
    letters(world.store, 4)
    replay = drafted(world, world.support, ["recorded"] * 5)
    client.force_login(world.support)
    assert "A second person has to agree before anything is sent" in read(client, "replay", replay)

    for _ in range(2):
        act(client, "replay-start", replay, confirmed="5")
    page = read(client, "replay", replay)
    assert "Waits for a second person" in page
    assert "Support or an administrator may agree, but not whoever asked." in page
    assert "Agree and send" not in page
    act(client, "replay-agree", replay)
    replay.refresh_from_db()
    assert replay.state == ReplayState.AWAITING

    client.force_login(world.owner)
    assert "Agree and send" not in read(client, "replay", replay)
    assert act(client, "replay-agree", replay).status_code == 403

    client.force_login(world.staff)
    assert "Agree and send 5 again" in read(client, "replay", replay)
    for _ in range(2):
        act(client, "replay-agree", replay)
    replay.refresh_from_db()
    assert (replay.state, replay.approved_by) == (ReplayState.RUNNING, world.staff)


def test_the_second_person_may_decline(client, world, few_are_many):
    letters(world.store, 4)
    replay = drafted(world, world.support, ["recorded"] * 5)
    client.force_login(world.support)
    act(client, "replay-start", replay, confirmed="5")
    client.force_login(world.staff)

    act(client, "replay-decline", replay)

    assert "Nothing was sent" in read(client, "replay", replay)
    assert set(DeadLetter.objects.values_list("state", flat=True)) == {"open"}


def test_a_number_that_changed_is_refused_with_what_it_is_now(owner, world):
    chosen = letters(world.store, 2)
    replay = drafted(world, world.owner, ["recorded"] * 3)
    DeadLetter.objects.filter(pk=chosen[0].pk).update(state="resolved")

    url = reverse("replay-start", args=[replay.public_id])
    page = owner.post(url, {"confirmed": "3"}, follow=True).content.decode()

    assert "2 of 3 records still need to be sent" in page
    assert 'name="confirmed" value="2"' in page


@pytest.mark.parametrize(
    ("number", "role", "words"),
    [
        (100, permissions.Role.MEMBER, ""),
        (101, permissions.Role.MEMBER, "ask owners, support or administrators."),
        (1_001, permissions.Role.OWNER, "ask support or administrators."),
        (100_001, permissions.Role.SUPPORT, "ask administrators."),
        (1_000_001, permissions.Role.ADMINISTRATOR, "Nobody may send more than 1,000,000"),
        (1, None, "You may send up to 0 at once."),
    ],
)
def test_a_refusal_names_those_who_may(number, role, words):
    assert words in friction.refusal(role, number)
    assert bool(words) == bool(friction.refusal(role, number))


# --- what became of it ---------------------------------------------------------------------------

STATES = ["sent"] * 3 + ["known", "skipped", "failed", "failed", "on_way", "waiting", "left_out"]


def test_each_figure_of_a_result_opens_as_many_as_it_says_and_they_add_up(owner, world):
    replay = begun(world, STATES)
    world.failed.delete()

    page = read(owner, "replay", replay)
    figures = figures_of(page, replay)

    parts = {
        address.partition("part=")[2]: number
        for address, number in figures
        if "part=" in address and "cause" not in address
    }
    assert parts == {
        "sent": 3,
        "known": 1,
        "skipped": 1,
        "failed": 2,
        "on_way": 1,
        "waiting": 1,
        "left_out": 1,
    }
    assert sum(parts.values()) == replay.total == 10
    for address, number in figures:
        listed = owner.get(address).context["page"]
        assert (listed.count, len(listed.rows)) == (number, number)


def test_failures_stand_under_their_reason(owner, world):
    replay = begun(world, ["failed", "failed", "failed"])
    mail = a.a_cause(world.store.merchant, field="profile.email", rule="")
    DeadLetter.objects.filter(replay_items__position=1).update(cause=mail)

    page = read(owner, "replay", replay)

    assert "Failed again (3)" in page
    cause = Cause.objects.get(code="gave_up")
    url = reverse("replay-records", args=[replay.public_id])
    assert f"{url}?part=failed&amp;cause={cause.pk}" in page
    assert owner.get(url, {"part": "failed", "cause": cause.pk}).context["page"].count == 2
    assert owner.get(url, {"part": "failed", "cause": mail.pk}).context["page"].count == 1


def test_new_failures_of_the_same_reason_are_shown_apart(owner, world):
    replay = begun(world, ["sent"], state="done", finished_at=a.NOON)
    DeadLetter.objects.filter(pk=world.failed.pk).update(failed_at=a.NOON)
    assert "meanwhile: 1</a>" in read(owner, "replay", replay)

    listed = read(owner, "replay-records", replay, "?part=meanwhile")

    assert "1 record: new failures meanwhile" in listed
    assert str(world.failed.public_id) in listed
    DeadLetter.objects.filter(pk=world.failed.pk).update(state="resolved")
    assert "meanwhile: none" in read(owner, "replay", replay)


def test_the_stages_say_which_is_now(owner, world):
    replay = begun(world, ["sent"] * 3 + ["waiting"] * 20, stage="ten")

    steps = owner.get(reverse("replay", args=[replay.public_id])).context["page"].steps

    assert [(one.label, one.state) for one in steps] == [
        ("One first", "done"),
        ("Then ten", "now"),
        ("Then the rest", "later"),
    ]
    small = begun(world, ["on_way", "waiting"])
    steps = owner.get(reverse("replay", args=[small.public_id])).context["page"].steps
    assert [one.state for one in steps] == ["now", "later"]


@pytest.mark.parametrize(
    ("state", "items", "words"),
    [
        ("beginning", ["waiting", "listed"], "1 of 2 records set aside for sending"),
        ("cancelling", ["waiting", "left_out"], "Being stopped: 1 still to be put back"),
        ("running", ["on_way", "waiting"], "0 of 2 records have come to an end"),
        ("paused", ["on_way", "waiting"], "Nothing more is let go until somebody lets it go on."),
        ("stopped", ["failed", "waiting"], "It stopped by itself"),
        ("cancelled", ["sent", "left_out"], "1 record is back in the list of failed records"),
        ("done", ["sent", "sent"], "All 2 arrived"),
        ("done", ["sent", "failed"], "1 arrived, 1 failed again"),
        ("done", ["sent", "skipped"], "1 of 2 arrived, and none failed"),
        ("done", ["sent"], "It arrived"),
    ],
)
def test_the_heading_says_the_state_in_words(owner, world, state, items, words):
    assert words in read(owner, "replay", begun(world, items, state=state))


@pytest.mark.parametrize(
    ("what", "sentence", "link"),
    [
        ("trouble", "Klaviyo has trouble at the moment.", "account"),
        ("login", "Klaviyo does not let us in.", "account-reconnect"),
        ("paused", "is paused. Its records go out when it goes on.", "store"),
        ("limit", "is used up for the moment.", ""),
    ],
)
def test_it_says_what_it_waits_for(owner, world, now, what, sentence, link):
    replay = begun(world, ["waiting"])
    assert sentence not in read(owner, "replay", replay)
    if what == "trouble":
        a.a_breaker(klaviyo_account=world.account)
    elif what == "login":
        type(world.account).objects.update(held_since=now, held_reason="revoked")
    elif what == "paused":
        type(world.store).objects.update(paused_at=now)
    else:
        Replay.objects.update(wait_reason="Klaviyo's limit is used up for the moment")

    page = read(owner, "replay", replay)

    assert sentence in page
    target = world.store if link == "store" else world.account
    assert not link or reverse(link, args=[target.public_id]) in page
    assert "Waiting" in page


def test_while_it_begins_its_figures_add_up_and_it_can_be_stopped_but_not_paused(owner, world):
    replay = begun(world, ["waiting", "listed", "left_out"], state="beginning")

    page = read(owner, "replay", replay)

    shown = owner.get(reverse("replay", args=[replay.public_id])).context["page"].figures
    assert {one.part: one.number for one in shown if one.number} == {"waiting": 2, "left_out": 1}
    for part, number in (("waiting", 2), ("left_out", 1)):
        listed = owner.get(reverse("replay-records", args=[replay.public_id]), {"part": part})
        assert len(listed.context["page"].rows) == number
    assert reverse("replay-stop", args=[replay.public_id]) in page
    assert reverse("replay-pause", args=[replay.public_id]) not in page
    assert '<progress max="3"' in page
    assert 'value="2"' in page
    assert "Stop and put 2 back" in " ".join(read(owner, "replay-stop", replay).split())


def test_while_it_is_being_stopped_there_is_nothing_more_to_press(owner, world):
    replay = begun(world, ["waiting", "left_out"], state="cancelling")

    assert reverse("replay-stop", args=[replay.public_id]) not in read(owner, "replay", replay)
    assert "It is being stopped already." in read(owner, "replay-stop", replay)


def test_it_is_paused_goes_on_and_is_stopped_once(owner, world):
    letters(world.store, 2)
    replay = drafted(world, world.owner, ["recorded"] * 3)
    act(owner, "replay-start", replay, confirmed="3")

    for name, state in (("replay-pause", "paused"), ("replay-go-on", "running")):
        for _ in range(2):
            act(owner, name, replay)
        replay.refresh_from_db()
        assert replay.state == state
    page = read(owner, "replay-stop", replay)
    assert "Stop and put 3 back" in page
    for _ in range(2):
        act(owner, "replay-stop", replay)

    assert "3 records are back in the list" in read(owner, "replay", replay)
    assert set(DeadLetter.objects.values_list("state", flat=True)) == {"open"}
    assert "There is nothing to stop" in read(owner, "replay-stop", replay)


def test_the_live_part_alone_is_answered_to_the_browser_that_looks_again(owner, world):
    replay = begun(world, ["on_way"])

    part = read(owner, "replay", replay, **{"HX-Request": "true"})

    assert part.startswith('<div id="live"')
    assert "<h1>" not in part


# --- lists ---------------------------------------------------------------------------------------


def test_records_follow_each_other_without_gap(owner, world):
    replay = begun(world, ["sent"] * 120)
    url = reverse("replay-records", args=[replay.public_id])
    seen, after = [], ""
    for _ in range(3):
        page = owner.get(url, {"part": "sent", "after": after}).context["page"]
        seen += [one.item.position for one in page.rows]
        after = page.after

    assert (seen, after) == (list(range(1, 121)), "")


def test_empty_lists_say_why(owner, world):
    assert "Nothing was sent again yet." in read(owner, "replays")
    replay = begun(world, ["sent"])
    assert "None matches." in read(owner, "replays", query="?state=paused")
    assert "There is nothing older." in read(owner, "replays", query="?after=1")
    assert "No record of this is failed again." in read(
        owner, "replay-records", replay, "?part=failed"
    )
    assert "There is nothing further." in read(owner, "replay-records", replay, "?after=99")


def test_everything_that_was_sent_again_is_listed_to_its_own_people(client, world):
    done = begun(world, ["sent", "failed"], state="done", words="Failed records of Alpine")
    client.force_login(world.owner)
    page = read(client, "replays")
    assert "Failed records of Alpine" in page
    assert "Done, some failed" in page
    assert f'{reverse("replay-records", args=[done.public_id])}?part=failed">1</a>' in page
    assert "Failed records of Alpine" in read(client, "replays", query="?state=done")

    client.force_login(world.foreigner)
    assert "Alpine" not in read(client, "replays")
    for name in ("replay", "replay-records", "replay-stop"):
        assert client.get(reverse(name, args=[done.public_id])).status_code == 404


def test_pages_of_thousands_are_as_light_as_those_of_ten(
    owner, world, django_assert_max_num_queries
):
    replay = begun(world, ["sent"] * 1500 + ["failed"] * 500)
    with django_assert_max_num_queries(22):
        page = owner.get(reverse("replay", args=[replay.public_id])).content
    assert len(page) < 30_000
    with django_assert_max_num_queries(12):
        owner.get(reverse("replay-records", args=[replay.public_id]))


def test_personal_data_in_what_became_of_a_record_is_hidden(owner, world):
    replay = begun(world, ["failed"])
    ReplayItem.objects.update(message="jane.doe@example.com was refused", state=ItemState.FAILED)

    page = read(owner, "replay-records", replay)

    assert "jane.doe" not in page
    assert "was refused" in page


# --- what a merchant is told first ---------------------------------------------------------------


def test_a_shop_with_failures_says_so_in_three_sentences_with_one_button(owner, world):
    world.failed.delete()
    letters(world.store, 42)

    page = read(owner, "store", world.store)

    assert "42 records need attention" in page
    assert "They hold up nothing else." in page
    assert "We propose to send them again: all can arrive now." in page
    assert page.count('name="ids"') == 42
    assert "Send 42 again" in page


def test_what_klaviyo_refused_is_not_proposed_unless_it_was_repaired(owner, world):
    page = read(owner, "store", world.store)
    assert "1 record needs attention" in page
    assert "It would fail again as it is, so we do not send it yet." in page
    assert 'name="ids"' not in page

    letters(world.store, 2)
    page = read(owner, "store", world.store)
    assert "We propose to send 2 of them again, which can arrive now." in page
    assert "Most often" in page
    assert "and 1 other reason" in page


def test_the_safe_button_sends_what_it_named_once_and_silently(owner, world):
    letters(world.store, 4)
    page = owner.get(reverse("store", args=[world.store.public_id])).content.decode()
    fields = {
        "key": re.search(r'name="key" value="([^"]+)"', page)[1],
        "ids": re.findall(r'name="ids" value="([^"]+)"', page),
        "at_once": "1",
    }
    # What fails afterwards was not counted.
    late = letters(world.store, 1)[0]

    for _ in range(2):
        owner.post(reverse("replay-new"), fields)

    replay = Replay.objects.get()
    assert (replay.state, replay.total, replay.silent) == (ReplayState.RUNNING, 4, True)
    late.refresh_from_db()
    assert late.state == "open"


def test_a_shop_without_failures_is_not_told_of_any(owner, world):
    DeadLetter.objects.all().delete()

    assert "attention" not in read(owner, "store", world.store)


def test_hundreds_are_looked_at_before_anything_is_proposed(owner, world):
    letters(world.store, friction.MOST_AT_ONCE)

    page = read(owner, "store", world.store)

    assert "101 records need attention" in page
    assert "See what would happen" in page
    assert 'name="ids"' not in page


@pytest.mark.parametrize("who", ["owner", "member"])
def test_the_list_begins_with_it_and_a_few_of_one_reason_leave_nothing_in_the_way(
    client, world, who
):
    world.failed.delete()
    letters(world.store, 5)
    client.force_login(getattr(world, who))

    page = read(client, "failed-records")

    assert page.index("5 records need attention") < page.index("The records")
    assert "Send 5 again" in page
    assert "Narrow the list" not in page
    assert "Narrow the list" in read(client, "failed-records", query="?state=resolved")


def test_support_finds_its_tools_instead(staff, world):
    page = read(staff, "failed-records")

    assert "attention" not in page
    assert "Narrow the list" in page


def test_the_list_leads_to_a_plan_once_and_to_another_when_others_are_chosen(owner, world):
    chosen = letters(world.store, 3)
    page = owner.get(reverse("failed-records")).content.decode()
    form = page[page.index('class="bulk"') :]
    key = re.search(r'name="key" value="([^"]+)"', form)[1]

    for ids in (chosen[:2], chosen[:2], chosen[2:]):
        act(owner, "replay-new", key=key, all="", ids=[one.public_id for one in ids])

    assert sorted(Replay.objects.values_list("total", flat=True)) == [1, 2]


def test_prospects_and_words_know_each_other():
    from integrations.domain.replay_words import OUTCOMES, PROSPECTS, STATES

    assert set(Prospect) <= set(PROSPECTS)
    assert set(ItemState) - {ItemState.LISTED} == set(OUTCOMES)
    assert set(STATES) == set(ReplayState)
