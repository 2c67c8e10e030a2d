"""Runs both stand-ins: `python -m sandbox --klaviyo-port 8091 --shopify-port 8092`."""

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from sandbox import config
from sandbox.player import CALM, Mix
from sandbox.world import World, build, wait_forever


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted, then remember."""
    chosen = _parser().parse_args(arguments)
    described = config.read(chosen.config)
    for app in (described.shopify_app, described.klaviyo_app):
        app.redirect_uris += chosen.callback
    world = build(
        described,
        klaviyo_port=chosen.klaviyo_port,
        shopify_port=chosen.shopify_port,
        host=chosen.host,
        directory=chosen.state,
        time_scale=chosen.time_scale,
    )
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    world.start()
    sys.stdout.write(f"klaviyo {world.klaviyo.url}\nshopify {world.shopify.url}\n")
    sys.stdout.flush()
    for work in _background(world, chosen, stop):
        work.start()
    wait_forever(stop)
    world.stop()
    return 0


def _background(
    world: World, chosen: argparse.Namespace, stop: threading.Event
) -> list[threading.Thread]:
    works = [threading.Thread(target=world.save_until, args=(stop,), daemon=True)]
    if chosen.play or chosen.play_into:
        mix = CALM if chosen.calm else Mix(malformed=chosen.malformed)
        player = world.player(into=chosen.play_into, mix=mix, seed=chosen.seed)
        playing = {"rate": chosen.rate, "stop": stop}
        works.append(threading.Thread(target=player.play, kwargs=playing, daemon=True))
    return works


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--config", type=Path, help="JSON file that describes shops and accounts")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--klaviyo-port", type=int, default=8091)
    parser.add_argument("--shopify-port", type=int, default=8092)
    parser.add_argument("--state", type=Path, help="directory to remember in")
    parser.add_argument(
        "--callback", metavar="URL", action="append", default=[],
        help="another address that people may be sent back to after a login",
    )  # fmt: skip
    parser.add_argument("--play", action="store_true", help="let the shops live")
    parser.add_argument(
        "--play-into", metavar="URL", help="likewise, with all webhooks to URL; {shop} is replaced"
    )
    parser.add_argument("--rate", type=float, default=2.0, help="webhooks a second")
    parser.add_argument("--calm", action="store_true", help="nothing goes wrong on the way")
    parser.add_argument(
        "--malformed", type=float, default=Mix().malformed, help="share of broken webhooks"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--time-scale", type=float, default=1.0, help="shortens waits for retries")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
