"""The soft reconnect: one verb for each step, each to be repeated without harm."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, Min

from integrations import queue
from integrations.domain.failures import PlatformError
from integrations.domain.reconnecting import STAMPS, Progress, Step, Verb, may, step
from integrations.models import (
    Credential,
    Event,
    KlaviyoAccount,
    Reconnection,
    Store,
    User,
)
from integrations.models.credentials import CredentialState
from integrations.models.events import EventQuerySet
from integrations.models.reconnections import ReconnectionQuerySet

from . import audit, authorizing, catching_up, gaps, logins, subscriptions

PROVEN_FOR = timedelta(seconds=30)
HELD_FOR_RECONNECT = "A reconnect is under way."
LOGIN_FAILED = "The shop's login did not work."


class NotNow(Exception):
    """The step is not due, or is behind it: somebody else was faster, or the rest is not over."""


Target = Store | KlaviyoAccount


def target_of(reconnection: Reconnection) -> Target:
    """The shop or account that is reconnected."""
    found = reconnection.store or reconnection.klaviyo_account
    assert found is not None  # noqa: S101 - the table makes sure
    return found


def open_of(target: Target) -> Reconnection | None:
    """The reconnect of this shop or account that is under way."""
    return _rows(target).open().select_related("begun_by").first()


def login_of(target: Target) -> Credential | None:
    """How we sign in to this shop or account."""
    if isinstance(target, Store):
        return Credential.objects.filter(store=target).select_related("connected_by").first()
    return Credential.objects.filter(klaviyo_account=target).select_related("connected_by").first()


def progress_of(reconnection: Reconnection) -> Progress:
    """What the row and the login say."""
    login = login_of(target_of(reconnection))
    return Progress(
        login_works=login is not None and login.state == CredentialState.ACTIVE,
        sends_messages=reconnection.store_id is not None,
        rest_until=reconnection.rest_until,
        **{name: getattr(reconnection, name) for name in STAMPS.values()},
    )


def step_of(reconnection: Reconnection, *, now: datetime) -> Step:
    """What this reconnect waits for."""
    return step(progress_of(reconnection), now=now)


# --- the verbs -----------------------------------------------------------------------------------


def begin(target: Target, *, by: User, now: datetime) -> Reconnection:
    """Begin a reconnect and pause delivery, or join the one somebody else has begun."""
    known = open_of(target)
    if known is None:
        known = _open(target, by=by, now=now)
    elif known.begun_by_id != by.pk:
        _record("reconnect.joined", known, by=by, now=now)
    pause(known, by=by, now=now)
    return known


def pause(reconnection: Reconnection, *, by: User, now: datetime) -> None:
    """Keep everything here until the new login works; a pause of somebody's own stays one."""
    with transaction.atomic():
        mine = _locked(reconnection)
        if not may(progress_of(mine), Verb.PAUSE, now=now):
            return
        target = target_of(mine)
        if isinstance(target, Store):
            mine.was_paused = target.paused_at is not None
            Store.objects.filter(pk=target.pk, paused_at=None).update(paused_at=now)
        else:
            mine.was_paused = target.held_since is not None
            KlaviyoAccount.objects.hold(target.pk, reason=HELD_FOR_RECONNECT, now=now)
        _stamp(mine, Verb.PAUSE, now, was_paused=mine.was_paused)
        _record("reconnect.paused", mine, by=by, now=now, before={"paused": mine.was_paused})
    reconnection.refresh_from_db()


def let_go(reconnection: Reconnection, *, by: User, now: datetime) -> None:
    """Give the old login back to the platform, and rest. Raises NotNow."""
    _check(reconnection, Verb.LET_GO, now=now)
    target = target_of(reconnection)
    login = login_of(target)
    if login is not None:
        logins.disconnect(login, by=_actor(target, by), now=now, reason="It is being reconnected.")
    if isinstance(target, KlaviyoAccount):
        # In case somebody's check let the account go on meanwhile.
        KlaviyoAccount.objects.hold(target.pk, reason=HELD_FOR_RECONNECT, now=now)
    with transaction.atomic():
        mine = _locked(reconnection)
        if mine.disconnected_at is None:
            rest = now + timedelta(seconds=settings.RECONNECT_REST_SECONDS)
            _stamp(mine, Verb.LET_GO, now, rest_until=rest)
            _record(
                "reconnect.let_go", mine, by=by, now=now, after={"rest_until": rest.isoformat()}
            )
    reconnection.refresh_from_db()


def sign_in(
    reconnection: Reconnection, *, by: User, browser: str, now: datetime, switch_kind: bool = False
) -> authorizing.Begun:
    """Where the browser has to go to sign in afresh. Raises NotNow and authorizing.Refused."""
    _check(reconnection, Verb.SIGN_IN, now=now)
    target = target_of(reconnection)
    if isinstance(target, Store):
        return authorizing.begin_shopify(
            target.merchant,
            domain=target.domain,
            by=by,
            browser=browser,
            now=now,
            store=target,
            reconnection=reconnection,
        )
    return authorizing.begin_klaviyo(
        target.merchant,
        by=by,
        browser=browser,
        now=now,
        account=target,
        reconnection=reconnection,
        switch_kind=switch_kind,
    )


def enter_key(
    reconnection: Reconnection, *, key: str, by: User, now: datetime, switch_kind: bool = False
) -> None:
    """The other way to sign in to Klaviyo. Raises NotNow and authorizing.Refused."""
    _check(reconnection, Verb.SIGN_IN, now=now)
    account = target_of(reconnection)
    if not isinstance(account, KlaviyoAccount):
        raise NotNow("A shop is not opened with a key.")
    authorizing.connect_key(
        account.merchant, key=key, by=by, now=now, account=account, switch_kind=switch_kind
    )
    signed_in(reconnection, by=by, now=now)


def signed_in(reconnection: Reconnection, *, by: User, now: datetime) -> None:
    """Note that a new login has been stored."""
    with transaction.atomic():
        mine = _locked(reconnection)
        if not may(progress_of(mine), Verb.SIGNED_IN, now=now):
            return
        # A sign-in without the wizard's own pause is one too; nothing was kept back then.
        _stamp(mine, Verb.SIGNED_IN, now, trouble="", verified_at=None)
        _record("reconnect.signed_in", mine, by=by, now=now)
    reconnection.refresh_from_db()


def carry_on(reconnection: Reconnection, *, by: User, now: datetime) -> Step:
    """Do all that needs no person: verify, ask for the messages again, release.

    Stops at the first step that does not work, with its reason on the row; doing it again goes
    on from there.
    """
    verbs = {Step.VERIFY: verify, Step.SUBSCRIBE: subscribe, Step.RELEASE: release}
    here = step_of(reconnection, now=now)
    while here in verbs:
        verbs[here](reconnection, by=by, now=now)
        following = step_of(reconnection, now=now)
        if following is here:
            break
        here = following
    return here


def verify(reconnection: Reconnection, *, by: User, now: datetime) -> None:
    """See whether the new login works: by the call it was kept after, or by a new one."""
    login = login_of(target_of(reconnection))
    if login is not None and (_just_proven(login, now) or logins.check(login, now=now, asked=True)):
        _done(reconnection, Verb.VERIFY, "reconnect.verified", by=by, now=now)
        return
    if login is not None:
        login.refresh_from_db()
    _trouble(reconnection, (login.last_failure if login else "") or "The new login does not work.")


def _just_proven(login: Credential, now: datetime) -> bool:
    """Whether a call with it succeeded a moment ago; Klaviyo allows this question once a second."""
    proven = login.last_success_at
    works = login.state == CredentialState.ACTIVE
    return works and proven is not None and now - proven < PROVEN_FOR


def subscribe(reconnection: Reconnection, *, by: User, now: datetime) -> None:
    """Ask the shop for its messages again, and write down what was missed."""
    store = target_of(reconnection)
    assert isinstance(store, Store)  # noqa: S101 - an account has no such step
    try:
        report = subscriptions.subscribe(store, now=now)
    except PlatformError as exc:
        _trouble(reconnection, exc.failure.message)
        return
    if report.trouble:
        _trouble(reconnection, report.trouble)
        return
    if report.made and reconnection.broken_since:
        # Whatever was not sent meanwhile, at most since the last message that did arrive.
        gaps.note(
            store,
            since=min(reconnection.broken_since, _last_message(store) or now),
            until=now,
            topics=sorted(report.made) if report.kept or report.corrected else [],
            cause=LOGIN_FAILED,
            now=now,
        )
    _done(
        reconnection,
        Verb.SUBSCRIBE,
        "reconnect.subscribed",
        by=by,
        now=now,
        after={
            "present": report.present,
            "made": sorted(report.made),
            "refused": sorted(report.refused),
        },
    )


def release(reconnection: Reconnection, *, by: User, now: datetime) -> None:
    """Let everything that was kept go on, and wake whoever delivers it."""
    with transaction.atomic():
        mine = _locked(reconnection)
        if not may(progress_of(mine), Verb.RELEASE, now=now):
            return
        target = target_of(mine)
        kept = _waiting(target)
        _unpause(mine, target, is_over=True)
        _stamp(
            mine,
            Verb.RELEASE,
            now,
            finished_at=now,
            trouble="",
            released_count=kept["count"],
            waiting_since=kept["since"],
        )
        _record("reconnect.released", mine, by=by, now=now, after={"messages": kept["count"]})
        queue.ask_for(queue.DRAIN)
        queue.ask_for(queue.PAST)
    reconnection.refresh_from_db()


def catch_up(reconnection: Reconnection, *, by: User, now: datetime) -> int:
    """Have the missed hours fetched, from now on; returns how many gaps were asked for."""
    if reconnection.store is None:
        return 0
    asked = catching_up.ask_for_all(reconnection.store, by=by, now=now)
    Reconnection.objects.filter(pk=reconnection.pk, caught_up_at=None).update(caught_up_at=now)
    return asked


def give_up(reconnection: Reconnection, *, by: User, now: datetime) -> None:
    """End a reconnect without a new login: delivery goes on as it did before. Raises NotNow."""
    with transaction.atomic():
        mine = _locked(reconnection)
        if not may(progress_of(mine), Verb.GIVE_UP, now=now):
            raise NotNow("This reconnect is over.")
        if mine.paused_at is not None:
            _unpause(mine, target_of(mine), is_over=False)
        _stamp(mine, Verb.GIVE_UP, now)
        _record(
            "reconnect.given_up",
            mine,
            by=by,
            now=now,
            after={"paused": mine.was_paused, "let_go": mine.disconnected_at is not None},
        )
        queue.ask_for(queue.DRAIN)
        queue.ask_for(queue.PAST)
    reconnection.refresh_from_db()


# --- how a verb is carried out -------------------------------------------------------------------


def _rows(target: Target) -> ReconnectionQuerySet:
    if isinstance(target, Store):
        return Reconnection.objects.filter(store=target)
    return Reconnection.objects.filter(klaviyo_account=target)


def _open(target: Target, *, by: User, now: datetime) -> Reconnection:
    login = login_of(target)
    try:
        with transaction.atomic():
            made = Reconnection.objects.create(
                store=target if isinstance(target, Store) else None,
                klaviyo_account=target if isinstance(target, KlaviyoAccount) else None,
                begun_by=by,
                begun_at=now,
                broken_since=login.broken_since if login else None,
            )
            _record(
                "reconnect.begun",
                made,
                by=by,
                now=now,
                before={"login": login.state if login else "none"},
            )
            return made
    except IntegrityError:
        # Somebody else was a moment faster: theirs is the one.
        theirs = open_of(target)
        if theirs is None:
            raise
        return theirs


def _locked(reconnection: Reconnection) -> Reconnection:
    """The row as it is now, ours until the transaction ends."""
    return (
        Reconnection.objects.select_for_update(of=("self",))
        .select_related("store__merchant", "klaviyo_account__merchant")
        .get(pk=reconnection.pk)
    )


def _check(reconnection: Reconnection, verb: Verb, *, now: datetime) -> None:
    reconnection.refresh_from_db()
    if not may(progress_of(reconnection), verb, now=now):
        raise NotNow("This step is not due.")


def _done(
    reconnection: Reconnection,
    verb: Verb,
    action: str,
    *,
    by: User,
    now: datetime,
    **details: object,
) -> None:
    with transaction.atomic():
        mine = _locked(reconnection)
        if may(progress_of(mine), verb, now=now):
            _stamp(mine, verb, now, trouble="")
            _record(action, mine, by=by, now=now, **details)
    reconnection.refresh_from_db()


def _stamp(mine: Reconnection, verb: Verb, now: datetime, **changes: object) -> None:
    Reconnection.objects.filter(pk=mine.pk).update(**{STAMPS[verb]: now}, **changes)


def _trouble(reconnection: Reconnection, text: str) -> None:
    Reconnection.objects.filter(pk=reconnection.pk).update(trouble=text[:500])
    reconnection.refresh_from_db()


def _unpause(mine: Reconnection, target: Target, *, is_over: bool) -> None:
    """Take our own pause back.

    An account that was held before we came goes on only if that is over (`is_over`).
    """
    if isinstance(target, Store):
        if not mine.was_paused:
            Store.objects.filter(pk=target.pk, paused_at=mine.paused_at).update(paused_at=None)
    elif is_over or not (mine.was_paused or mine.disconnected_at):
        KlaviyoAccount.objects.release(target.pk)


def _waiting(target: Target) -> dict[str, object]:
    return events_of(target).waiting().aggregate(count=Count("pk"), since=Min("received_at"))


def events_of(target: Target) -> EventQuerySet:
    """What has arrived for this shop, or for all that feed this account."""
    if isinstance(target, Store):
        return Event.objects.live().filter(store=target)
    return Event.objects.live().filter(store__klaviyo_account=target)


def _last_message(store: Store) -> datetime | None:
    rows = Event.objects.live().filter(store=store).order_by("-received_at", "-id")
    return rows.values_list("received_at", flat=True).first()


def _actor(target: Target, by: User) -> audit.Actor:
    return audit.person(by, target.merchant)


def _record(
    action: str, reconnection: Reconnection, *, by: User, now: datetime, **details: object
) -> None:
    target = target_of(reconnection)
    audit.record(action, target, by=_actor(target, by), now=now, **details)
