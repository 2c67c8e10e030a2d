"""Plays the webhooks of several lively shops into a console."""

import argparse
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import msgspec

from sandbox import config, mischief
from sandbox.shop.chance import Chance
from sandbox.shop.simulation import Shop
from sandbox.shopify.signing import Webhook
from sandbox.shopify.telling import webhooks
from sandbox.shopify.webhooks import Sender

# Late ones are held back for this many webhooks.
LATE_BY = (20, 200)
# A player that cannot keep up waits rather than piling up work for ever.
MOST_WAITING = 10_000


@dataclass(frozen=True)
class Mix:
    """Which share of the webhooks goes wrong, and how."""

    duplicate: float = 0.02
    late: float = 0.01
    swapped: float = 0.05
    malformed: float = 0.003
    forged: float = 0.003


CALM = Mix(0, 0, 0, 0, 0)


class Deliver(Protocol):
    """Takes a webhook to where it belongs; `headers` override the right ones."""

    def __call__(
        self, webhook: Webhook, *, headers: dict[str, str] | None = None, retry: bool = True
    ) -> object:
        """Deliver it."""


@dataclass
class Stage:
    """One shop of the play: what happens in it, how it is signed and who hears of it."""

    shop: Shop
    secret: str
    deliver: Deliver


def to_url(sender: Sender, url: str, secret: str) -> Deliver:
    """Deliver everything to one address."""

    def deliver(
        webhook: Webhook, *, headers: dict[str, str] | None = None, retry: bool = True
    ) -> object:
        return sender.send(webhook, to=url, secret=secret, headers=headers, retry=retry)

    return deliver


class Player:
    """Draws happenings from the shops in turn and sends them, some of them the wrong way."""

    def __init__(
        self, stages: Sequence[Stage], sender: Sender, *, mix: Mix | None = None, seed: int = 1
    ) -> None:
        self.stages = list(stages)
        self.sender = sender
        self.mix = mix or Mix()
        self.chance = Chance(f"player/{seed}")
        self.played = 0
        self._held: list[tuple[int, Stage, Webhook]] = []

    def play(self, *, rate: float, stop: threading.Event, count: int | None = None) -> None:
        """Send `rate` webhooks a second until told to stop or `count` are out."""
        began = time.monotonic()
        first = self.played
        while not stop.is_set() and (count is None or self.played - first < count):
            ahead = (self.played - first) / rate - (time.monotonic() - began)
            if ahead > 0 and stop.wait(ahead):
                return
            if self.sender.waiting() < MOST_WAITING:
                self.step()
            else:
                stop.wait(0.05)

    def step(self) -> None:
        """Let one thing happen in one shop and send what it causes."""
        stage = self.chance.pick(self.stages)
        told = webhooks(stage.shop.next_happening(), stage.shop.domain)
        if len(told) > 1 and self.chance.often(self.mix.swapped):
            told = [replace(webhook, kind="swapped") for webhook in reversed(told)]
        for webhook in told:
            self._send_somehow(stage, webhook)
        self._release()

    def finish(self) -> None:
        """Send what is still held back."""
        for _, stage, webhook in self._held:
            self._send(stage, webhook)
        self._held.clear()

    def _send_somehow(self, stage: Stage, webhook: Webhook) -> None:
        drawn, mix = self.chance.random(), self.mix
        if drawn < mix.late:
            due = self.played + self.chance.randrange(*LATE_BY)
            self._held.append((due, stage, replace(webhook, kind="late")))
            return
        self._send(stage, webhook)
        drawn = self.chance.random()
        if drawn < mix.duplicate:
            self._send(stage, replace(webhook, kind="duplicate"))
        elif drawn < mix.duplicate + mix.malformed:
            self._send(stage, mischief.malformed(self.chance, _another(webhook)), retry=False)
        elif drawn < mix.duplicate + mix.malformed + mix.forged:
            self._forge(stage, replace(_another(webhook), kind="forged"))

    def _forge(self, stage: Stage, webhook: Webhook) -> None:
        headers = mischief.forged_headers(self.chance, webhook, stage.secret)
        self._send(stage, webhook, headers=headers, retry=False)

    def _send(
        self,
        stage: Stage,
        webhook: Webhook,
        *,
        headers: dict[str, str] | None = None,
        retry: bool = True,
    ) -> None:
        self.played += 1
        stage.deliver(webhook, headers=headers, retry=retry)

    def _release(self) -> None:
        due = [held for held in self._held if held[0] <= self.played]
        self._held = [held for held in self._held if held[0] > self.played]
        for _, stage, webhook in due:
            self._send(stage, webhook)


def _another(webhook: Webhook) -> Webhook:
    """Copy a webhook under ids of its own."""
    return Webhook(webhook.shop, webhook.topic, webhook.body, webhook.triggered_at)


def main(arguments: Sequence[str] | None = None) -> int:
    """Play into one URL until interrupted."""
    chosen = _parser().parse_args(arguments)
    wanted = config.read(chosen.config)
    sender = Sender(time_scale=chosen.time_scale, workers=chosen.workers).start()
    stages = [
        Stage(
            Shop(shop.domain, seed=shop.seed),
            shop.secret,
            to_url(sender, _url(chosen.url, shop), shop.secret),
        )
        for shop in wanted.shops
    ]
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    player = Player(stages, sender, mix=CALM if chosen.calm else None, seed=chosen.seed)
    began = datetime.now(UTC)
    player.play(rate=chosen.rate, stop=stop, count=chosen.count)
    player.finish()
    sender.drain(chosen.drain)
    sender.stop()
    _report(sender, began)
    return 0


def _url(template: str | None, shop: config.ShopConfig) -> str:
    url = template or shop.webhook_url
    if url is None:
        raise SystemExit(f"no webhook URL for {shop.domain}")
    return url.replace("{shop}", shop.domain)


def _report(sender: Sender, began: datetime) -> None:
    seconds = (datetime.now(UTC) - began).total_seconds()
    counted = {**sender.counts(), "seconds": round(seconds, 1)}
    sys.stdout.write(msgspec.json.encode(counted).decode() + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox.player", description=__doc__)
    parser.add_argument("--config", type=Path, help="JSON file that describes the shops")
    parser.add_argument("--url", help="webhook endpoint; {shop} is replaced by the shop's domain")
    parser.add_argument("--rate", type=float, default=5.0, help="webhooks a second")
    parser.add_argument("--count", type=int, help="stop after this many webhooks")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--calm", action="store_true", help="nothing goes wrong")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--time-scale", type=float, default=1.0, help="shortens waits for retries")
    parser.add_argument("--drain", type=float, default=30.0, help="seconds to finish deliveries")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
