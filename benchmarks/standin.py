"""The sandbox's Klaviyo, which also notes when it answered for which order."""

import argparse
import threading

from benchmarks.answered import Answered
from sandbox.klaviyo import Account, Klaviyo
from sandbox.messages import Call, Drop, Reply

NO_ORDERS = {"data": {"nodes": []}}


class Timed(Klaviyo):
    """As the sandbox has it, with a back door of its own."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self.answered = Answered()

    def handle(self, call: Call) -> Reply | Drop:
        """Answer, and note the moment when something was taken."""
        match call.method, call.path:
            case "GET", "/answered":
                return Reply(200, self.answered.told())
            case "POST", "/forget":
                self.answered.forget()
                self.reset_memory()
                return Reply(200)
        if call.path.startswith("/shopify/"):
            return Reply(200, NO_ORDERS)
        reply = super().handle(call)
        if isinstance(reply, Reply) and reply.status == 202:
            self.answered.note(call.body)
        return reply

    def reset_memory(self) -> None:
        """Forget people and events, but not the script."""
        with self.lock:
            for account in self.accounts.values():
                account.forget()
            self.rates.clear()


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("keys", nargs="+")
    chosen = parser.parse_args()
    accounts = [Account(f"BENCH{n}", {key}) for n, key in enumerate(chosen.keys)]
    Timed(port=chosen.port, accounts=accounts).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
