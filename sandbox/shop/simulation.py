"""A shop in which things happen, one after another and never out of nothing."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sandbox.shop import afterwards, customers, orders, products, words
from sandbox.shop.chance import Chance, local, touched
from sandbox.shop.memory import Row, Shelf, ShopMemory
from sandbox.shop.money import Purse

OPENING_PRODUCTS, OPENING_CUSTOMERS = 12, 8
# How far back an order can lie and still be shipped, refunded or called off.
RECENT = 400
ZONES = ("America/New_York", "Europe/Paris", "Asia/Tokyo", "UTC")


class Happening(NamedTuple):
    """One webhook to come: its topic, its body and when the cause of it happened."""

    topic: str
    body: dict[str, Any]
    triggered_at: datetime


def utc_now() -> datetime:
    """Read the clock of this machine."""
    return datetime.now(UTC)


class Shop:
    """One made-up shop; the same seed and clock make the same things happen."""

    def __init__(
        self,
        domain: str,
        *,
        seed: int = 1,
        clock: Callable[[], datetime] = utc_now,
        memory: ShopMemory | None = None,
    ) -> None:
        self.domain = domain
        self.clock = clock
        self.memory = memory or ShopMemory(domain)
        # A shop that goes on after a restart must not draw the ids of its former life again.
        self.chance = Chance(f"{domain}/{seed}/{self.memory.drawn}", drawn=self.memory.drawn)
        if not self.memory.drawn:
            currency, zone = self.chance.pick(words.CURRENCIES)[0], self.chance.pick(ZONES)
            self.memory.currency, self.memory.timezone = currency, zone
        self.currency = self.memory.currency
        self._rates = dict(words.CURRENCIES)[self.currency]
        self.zone = ZoneInfo(self.memory.timezone)
        self._open()

    def next_happening(self) -> list[Happening]:
        """Let one thing happen and tell it as Shopify would, in one or several webhooks."""
        kinds, weights = zip(*_WEIGHTS, strict=True)
        happen = self.chance.choices(kinds, weights)[0]
        with self.memory.lock:
            told = happen(self) or new_order(self)
            self.memory.drawn = self.chance.drawn
            return told

    def fill(self, count: int, *, over: timedelta) -> None:
        """Give the shop a past of `count` orders spread over a time that ends now."""
        now, real = self.clock(), self.clock
        for number in range(count):
            moment = now - over + over * number / count
            self.clock = lambda moment=moment: moment  # type: ignore[misc]
            new_order(self)
            self.chance.choices((ship, give_back, call_off, _nothing), (50, 8, 4, 38))[0](self)
        self.clock = real
        self.memory.drawn = self.chance.drawn

    def stamp(self) -> str:
        """Write the present in the shop's own time."""
        return local(self.clock(), self.zone)

    def tell(self, topic: str, body: dict[str, Any]) -> Happening:
        """Make a happening of now."""
        return Happening(topic, body, self.clock())

    def purse(self) -> Purse:
        """Draw what the next buyer pays in: mostly the shop's own currency."""
        if self.chance.often(0.8):
            return Purse(self.currency, self.currency, 1.0)
        seen, rate = self.chance.pick(list(self._rates.items()))
        return Purse(self.currency, seen, rate)

    def goods(self) -> list[dict[str, Any]]:
        """Show the products of the moment, a handful at a time."""
        return self._some(self.memory.products, 6)

    def somebody(self) -> dict[str, Any]:
        """Find a customer, or meet a new one."""
        if len(self.memory.customers) and self.chance.often(0.6):
            return self._some(self.memory.customers, 1)[0]
        person = customers.customer(self.chance, self.stamp(), self.currency)
        self.memory.customers.put(person)
        return person

    def recent_order(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
        """Find one of the recent orders that still allows what is about to happen."""
        rows = self.memory.orders.rows()[-RECENT:]
        for row in self.chance.choices(rows, k=min(5, len(rows))) if rows else ():
            found = self.memory.orders.get(row.id)
            if found and wanted(found):
                return found
        return None

    def consent(self, person: int, channel: str, given: dict[str, Any]) -> None:
        """Remember what somebody agreed to."""
        self.memory.consents.setdefault(person, {})[channel] = given

    def next_sequence(self) -> int:
        """Count one order further."""
        self.memory.sequence += 1
        return self.memory.sequence

    def _some(self, shelf: Shelf, count: int) -> list[dict[str, Any]]:
        rows: list[Row] = shelf.rows()
        chosen = [self.chance.pick(rows) for _ in range(count)]
        return [body for row in chosen if (body := shelf.get(row.id))]

    def _open(self) -> None:
        while len(self.memory.products) < OPENING_PRODUCTS:
            self.memory.products.put(products.product(self.chance, self.stamp()))
        while len(self.memory.customers) < OPENING_CUSTOMERS:
            self.memory.customers.put(customers.customer(self.chance, self.stamp(), self.currency))


def new_order(shop: Shop) -> list[Happening]:
    """Somebody buys something."""
    known = len(shop.memory.customers)
    person = None if shop.chance.often(0.02) else shop.somebody()
    purse = shop.purse()
    many = shop.chance.often(0.005)
    made = orders.order(
        shop.chance,
        shop=shop.domain,
        sequence=shop.next_sequence(),
        purse=purse,
        person=person,
        guest=shop.chance.often(0.12),
        lines=orders.some_lines(shop.chance, purse, shop.goods(), many=many),
        at=shop.stamp(),
    )
    shop.memory.orders.put(made)
    told = [shop.tell("orders/create", made)]
    if person and len(shop.memory.customers) > known:
        told.insert(0, shop.tell("customers/create", person))
    if made["financial_status"] == "paid":
        told.append(shop.tell("orders/paid", made))
    return told


def ship(shop: Shop) -> list[Happening]:
    """A parcel leaves."""
    order = shop.recent_order(lambda o: not o["cancelled_at"] and _waiting(o))
    if order is None:
        return []
    made = afterwards.fulfil(shop.chance, order, shop.stamp(), partly=shop.chance.often(0.3))
    shop.memory.orders.put(order)
    whole = order["fulfillment_status"] == "fulfilled"
    topic = "orders/fulfilled" if whole else "orders/partially_fulfilled"
    return [
        shop.tell("fulfillments/create", made),
        shop.tell(topic, order),
        shop.tell("orders/updated", order),
    ]


def _waiting(order: dict[str, Any]) -> bool:
    return any(line["fulfillable_quantity"] > 0 for line in order["line_items"])


def give_back(shop: Shop) -> list[Happening]:
    """Money goes back."""
    order = shop.recent_order(lambda o: any(n["current_quantity"] > 0 for n in o["line_items"]))
    if order is None:
        return []
    made = afterwards.refund(shop.chance, order, shop.stamp(), partly=shop.chance.often(0.5))
    shop.memory.orders.put(order)
    return [shop.tell("refunds/create", made), shop.tell("orders/updated", order)]


def call_off(shop: Shop) -> list[Happening]:
    """An order is cancelled before anything was shipped."""
    order = shop.recent_order(lambda o: not o["cancelled_at"] and not o["fulfillments"])
    if order is None:
        return []
    afterwards.cancel(shop.chance, order, shop.stamp())
    shop.memory.orders.put(order)
    return [shop.tell("orders/cancelled", order), shop.tell("orders/updated", order)]


def edit_order(shop: Shop) -> list[Happening]:
    """The merchant writes something on an order."""
    if (order := shop.recent_order(lambda o: True)) is None:
        return []
    afterwards.edit(shop.chance, order, shop.stamp())
    shop.memory.orders.put(order)
    return [shop.tell("orders/updated", order)]


def change_customer(shop: Shop) -> list[Happening]:
    """Somebody's details change."""
    person = shop.somebody()
    person["last_name"] = shop.chance.pick(words.LAST_NAMES)
    person["note"] = shop.chance.pick(words.NOTES)
    shop.memory.customers.put(touched(person, shop.stamp()))
    return [shop.tell("customers/update", person)]


def change_consent(shop: Shop) -> list[Happening]:
    """Somebody changes their mind about mail or messages."""
    person = shop.somebody()
    if person["email"]:
        body = customers.email_consent(shop.chance, person, shop.stamp())
        shop.consent(person["id"], "email", body["email_marketing_consent"])
        return [shop.tell("customers_email_marketing_consent/update", body)]
    body = customers.sms_consent(shop.chance, person, shop.stamp())
    shop.consent(person["id"], "sms", body["sms_marketing_consent"])
    return [shop.tell("customers_marketing_consent/update", body)]


def new_product(shop: Shop) -> list[Happening]:
    """Something new is on sale."""
    made = products.product(shop.chance, shop.stamp())
    shop.memory.products.put(made)
    return [shop.tell("products/create", made)]


def change_product(shop: Shop) -> list[Happening]:
    """A product gets another name or price."""
    made = shop.goods()[0]
    made["title"] = made["title"].rstrip("!") + "!"
    made["variants"][0]["price"] = shop.chance.pick(("9.90", "19.00", "0.00", "1249.50"))
    shop.memory.products.put(touched(made, shop.stamp()))
    return [shop.tell("products/update", made)]


def drop_product(shop: Shop) -> list[Happening]:
    """A product is gone; the webhook says no more than its id."""
    if len(shop.memory.products) <= OPENING_PRODUCTS:
        return []
    gone = shop.goods()[0]
    shop.memory.products.drop(gone["id"])
    return [shop.tell("products/delete", {"id": gone["id"]})]


def change_stock(shop: Shop) -> list[Happening]:
    """Somebody counted the shelf."""
    made = shop.goods()[0]
    variant = shop.chance.pick(made["variants"])
    variant["inventory_quantity"] = shop.chance.randrange(-2, 300)
    shop.memory.products.put(touched(made, shop.stamp()))
    level = products.inventory_level(shop.chance, variant, shop.stamp())
    return [shop.tell("inventory_levels/update", level)]


def fill_cart(shop: Shop) -> list[Happening]:
    """Somebody comes as far as the checkout."""
    purse = shop.purse()
    made = orders.checkout(
        shop.chance,
        shop=shop.domain,
        purse=purse,
        person=shop.somebody() if shop.chance.often(0.8) else None,
        lines=orders.some_lines(shop.chance, purse, shop.goods(), many=False),
        at=shop.stamp(),
    )
    shop.memory.checkouts.put(made)
    told = [shop.tell("checkouts/create", made)]
    if shop.chance.often(0.4):
        told.append(shop.tell("checkouts/update", touched(dict(made), shop.stamp())))
    return told


def _nothing(shop: Shop) -> list[Happening]:
    return []


_WEIGHTS: tuple[tuple[Callable[[Shop], list[Happening]], float], ...] = (
    (new_order, 42),
    (ship, 16),
    (give_back, 6),
    (call_off, 3),
    (edit_order, 8),
    (change_customer, 5),
    (change_consent, 4),
    (new_product, 1),
    (change_product, 4),
    (drop_product, 0.5),
    (change_stock, 6),
    (fill_cart, 6),
)
