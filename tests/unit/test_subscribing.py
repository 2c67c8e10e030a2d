"""What is changed so that a shop sends what we want, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from integrations.domain.subscribing import Do, Found, granted, plan

HERE = "https://console.example/webhooks/shopify/1111/"
BEFORE = "https://old.example/webhooks/shopify/1111"
FOREIGN = "https://somebody.example/hooks/"
WANTED = {"orders/create": "read_orders", "products/update": "read_products", "app/uninstalled": ""}
ALL = frozenset({"read_orders", "read_products"})


def planned(*found, known=None, scopes=ALL):
    return plan(
        WANTED,
        found,
        address=HERE,
        place="/webhooks/shopify/1111/",
        known=known or {},
        scopes=scopes,
    )


def of(actions, topic="orders/create"):
    return [(one.do, one.id) for one in actions if one.topic == topic]


def test_what_is_missing_is_made():
    assert [one.do for one in planned()] == [Do.MAKE] * 3


def test_what_is_right_is_kept():
    assert of(planned(Found("1", "orders/create", HERE))) == [(Do.KEEP, "1")]


def test_a_former_address_of_ours_is_corrected():
    assert of(planned(Found("1", "orders/create", BEFORE))) == [(Do.CORRECT, "1")]


def test_one_whose_id_we_know_is_corrected_wherever_it_goes():
    found = Found("7", "orders/create", "https://elsewhere.example/")
    assert of(planned(found, known={"orders/create": "7"})) == [(Do.CORRECT, "7")]


def test_a_second_one_of_ours_is_removed_and_the_right_one_stays():
    found = Found("1", "orders/create", BEFORE), Found("2", "orders/create", HERE)
    assert of(planned(*found)) == [(Do.KEEP, "2"), (Do.REMOVE, "1")]


def test_those_of_others_are_left_alone():
    assert of(planned(Found("1", "orders/create", FOREIGN))) == [(Do.MAKE, "")]
    assert "1" not in {one.id for one in planned(Found("1", "carts/create", HERE))}


def test_a_missing_permission_is_a_reason_and_not_a_try():
    actions = planned(scopes=frozenset({"read_orders"}))

    refused = next(one for one in actions if one.topic == "products/update")
    assert (refused.do, refused.scope) == (Do.REFUSE, "read_products")
    assert of(actions, "app/uninstalled") == [(Do.MAKE, "")]


def test_without_known_permissions_the_shop_is_asked():
    assert {one.do for one in planned(scopes=frozenset())} == {Do.MAKE}


def test_the_permission_to_write_includes_the_one_to_read():
    assert granted("read_orders", frozenset({"write_orders"}))
    assert not granted("read_orders", frozenset({"write_products"}))


remote = st.builds(
    Found,
    id=st.integers(1, 9).map(str),
    topic=st.sampled_from([*WANTED, "carts/create"]),
    uri=st.sampled_from([HERE, BEFORE, FOREIGN]),
)


@given(st.lists(remote, unique_by=lambda one: one.id))
def test_doing_it_leaves_each_topic_once_at_our_address_and_a_second_look_changes_nothing(found):
    left = {one.id: one for one in found}
    for number, action in enumerate(planned(*found)):
        match action.do:
            case Do.MAKE:
                left[f"new{number}"] = Found(f"new{number}", action.topic, HERE)
            case Do.CORRECT:
                left[action.id] = Found(action.id, action.topic, HERE)
            case Do.REMOVE:
                del left[action.id]

    for topic in WANTED:
        assert sum(one.topic == topic and one.uri == HERE for one in left.values()) == 1
    assert {one for one in found if one.uri == FOREIGN} <= set(left.values())
    assert {one.do for one in planned(*left.values())} == {Do.KEEP}
