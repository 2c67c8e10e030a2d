import pytest

from integrations.domain.explanations import UNKNOWN, explain

SHOPIFY_RULES = ["json", "encoding", "nesting", "type", "id", "amount", "currency", "quantity"]
KLAVIYO_FIELDS = [
    "profile.email",
    "profile.phone_number",
    "email",
    "phone_number",
    "location.zip",
    "first_name",
    "inventory_quantity",
    "properties.Items.title",
    "unique_id",
    "value",
    "value_currency",
    "time",
    "metric",
    "metric.name",
    "properties",
    "title",
    "description",
    "image_full_url",
    "url",
    "price",
    "external_id",
    "",
    "a.field.nobody.knows",
]
KLAVIYO_RULES = ["size", "text", "list", "depth", "properties", "time", "metric", "unique_id"]
CODES = [
    ("shopify", "order_unknown"),
    ("shopify", "worker_died"),
    ("console", "worker_died"),
    ("klaviyo", "413"),
    ("klaviyo", "422"),
    ("klaviyo", "duplicate_profile"),
    ("klaviyo", "rejected"),
    ("klaviyo", "too_large"),
    ("klaviyo", "gave_up"),
]
JARGON = ["webhook", "dead letter", "payload", "api", "ledger", "json", "endpoint"]


def every_known_explanation():
    yield from (explain("shopify", "unreadable", rule=rule) for rule in [*SHOPIFY_RULES, "new"])
    yield from (explain("klaviyo", "invalid", field=field) for field in KLAVIYO_FIELDS)
    yield from (explain("klaviyo", "invalid", rule=rule) for rule in KLAVIYO_RULES)
    yield from (explain(*code) for code in CODES)


def test_every_known_cause_has_words_of_its_own():
    for found in every_known_explanation():
        assert found.known
        assert found.sentence.endswith(".")
        assert found.suggestion.endswith(".")


def test_no_explanation_uses_the_words_of_the_trade():
    for found in [*every_known_explanation(), UNKNOWN]:
        words = f"{found.sentence} {found.suggestion}".lower().replace("shopify", "")
        assert not [word for word in JARGON if word in words.split()]


@pytest.mark.parametrize(
    "cause", [("klaviyo", "brand_new"), ("magento", "invalid"), ("shopify", "new")]
)
def test_an_unknown_cause_says_that_support_can_see_the_details(cause):
    assert explain(*cause) == UNKNOWN
    assert "support can see the details" in UNKNOWN.suggestion


def test_a_code_we_do_not_know_is_explained_by_its_field():
    assert explain("klaviyo", "brand_new", field="email").known


@pytest.mark.parametrize(
    ("field", "word"),
    [
        ("data.attributes.profile.data.attributes.phone_number", "profile"),
        ("profile.location.zip", "address"),
        ("profile.phone_number", "phone"),
        ("data.attributes.value", "amount"),
    ],
)
def test_the_most_exact_known_part_of_a_field_decides(field, word):
    assert explain("klaviyo", "invalid", field=field).sentence != UNKNOWN.sentence
    if word != "profile":
        assert word in explain("klaviyo", "invalid", field=field).sentence
