"""What state machines of the pipeline share: workers who come and go, and a refused login."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from integrations.models import KlaviyoAccount, StoreLane
from integrations.pipeline import inbox, upkeep

from .conftest import Clock


class Died(BaseException):
    """A worker that ends in the middle of its work."""


class Workers(RuleBasedStateMachine):
    """Workers, a login and a clock; `server` is the sandbox's Klaviyo, set before a run."""

    def __init__(self):
        super().__init__()
        self.klaviyo = type(self).server
        self.klaviyo.reset()
        self.klaviyo.settings.visible_after = 0.0
        self.klaviyo.settings.job_seconds = 0.0
        self.clock = Clock()
        self.klaviyo.clock = lambda: self.clock().timestamp()
        # What an earlier run left behind is not asked about again.
        KlaviyoAccount.objects.update(held_since=None, held_reason="")

    @rule(rounds=st.integers(1, 4))
    def a_worker_works(self, rounds):
        for _ in range(rounds):
            if claim := StoreLane.objects.claim(by="machine", now=self.clock()):
                inbox.work_off(claim, clock=self.clock, stopping=lambda: False)

    @rule(looks=st.integers(0, 9))
    def a_worker_dies(self, looks):
        claim = StoreLane.objects.claim(by="machine", now=self.clock())
        if claim is None:
            return
        left = iter(range(looks))

        def clock():
            if next(left, None) is None:
                raise Died
            return self.clock()

        try:
            inbox.work_off(claim, clock=clock, stopping=lambda: False)
        except Died:
            return

    @rule()
    def the_login_is_refused(self):
        self.klaviyo.script.revoked = {"pk_demo"}

    @precondition(lambda self: self.klaviyo.script.revoked)
    @rule()
    def the_login_works_again(self):
        self.klaviyo.script.revoked = set()
        self.clock.forward(minutes=6)
        upkeep.check_due(clock=self.clock, stopping=lambda: False)
