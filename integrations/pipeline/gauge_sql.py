"""The statements behind the exported figures; each names the index or the small table it reads."""

from integrations.domain.breaking import BreakerState
from integrations.domain.lanes import Lane
from integrations.domain.resolutions import Resolution
from integrations.models.lanes import BUSY

# `event_due`, lane by lane of each shop, until there are enough.
_OF_LANE = """
(SELECT {lane} AS lane, count(*) FROM (
  SELECT 1 FROM busy JOIN LATERAL (
    SELECT 1 FROM integrations_event event
    WHERE state = 'waiting' AND event.store_id = busy.store_id AND event.lane = busy.lane
    LIMIT %(most)s) one ON true
  WHERE busy.lane = {lane} LIMIT %(most)s) counted)"""
WAITING = f"{BUSY} {' UNION ALL '.join(_OF_LANE.format(lane=int(lane)) for lane in Lane)}"

# What a pause, a broken login or a platform's trouble holds back is not late.
OLDEST = f"""
{BUSY}
SELECT busy.lane, extract(epoch FROM %(now)s::timestamptz - min(busy.next_attempt_at))
FROM busy
JOIN integrations_storelane mine ON mine.store_id = busy.store_id AND mine.lane = busy.lane
JOIN integrations_store store ON store.id = busy.store_id
JOIN integrations_klaviyoaccount account ON account.id = store.klaviyo_account_id
WHERE busy.next_attempt_at <= %(now)s
  AND (mine.not_before IS NULL OR mine.not_before <= %(now)s)
  AND store.paused_at IS NULL AND store.tripped_at IS NULL
  AND account.held_since IS NULL AND account.tripped_at IS NULL
GROUP BY busy.lane"""

# Kept by PostgreSQL itself: a row per reason, shop and state.
FAILED = "SELECT state, sum(records) FROM integrations_causecount GROUP BY state"

# `lag_figures_once`: the rows of one minute and of one day.
MESSAGES = f"""
SELECT resolution, sum(arrived), sum(delivered), sum(settled - delivered - failed), sum(failed)
FROM integrations_lagfigures
WHERE (resolution = {Resolution.MINUTE} AND start = %(minute)s)
   OR (resolution = {Resolution.DAY} AND start = %(day)s)
GROUP BY resolution"""

# `call_by_time`. The calls to Klaviyo are the account's, whosever shop they were for.
CALLS = """
SELECT CASE WHEN klaviyo_account_id IS NULL THEN 'shopify' ELSE 'klaviyo' END,
  CASE WHEN status IS NULL THEN 'none' WHEN status = 429 THEN '429'
    ELSE (status / 100)::text || 'xx' END,
  count(*)
FROM (SELECT klaviyo_account_id, status FROM integrations_call
  WHERE started_at >= %(since)s ORDER BY started_at LIMIT %(most)s) made
GROUP BY 1, 2"""

# `refusal_count_once`, one probe for each shop, reason and hour; and for those of no shop.
TURNED_AWAY = """
SELECT reason, sum(count) FROM (
  SELECT reason, count FROM integrations_store store
  CROSS JOIN unnest(%(reasons)s::text[]) AS one(reason)
  CROSS JOIN LATERAL (SELECT count FROM integrations_refusalcount known
    WHERE known.store_id = store.id AND known.reason = one.reason
      AND known.hour = ANY(%(hours)s) OFFSET 0) of_store
  UNION ALL
  SELECT reason, count FROM integrations_refusalcount
  WHERE store_id IS NULL AND reason = ANY(%(reasons)s) AND hour = ANY(%(hours)s)) found
GROUP BY reason"""

# Small: pruned daily.
HEARTBEATS = """
SELECT split_part(name, ':', 1), max(beat_at) FROM integrations_heartbeat GROUP BY 1"""

# Small: one for each shop and account.
LOGINS = "SELECT state, count(*) FROM integrations_credential GROUP BY state"
BREAKERS = f"""
SELECT CASE WHEN klaviyo_account_id IS NULL THEN 'shopify' ELSE 'klaviyo' END, count(*)
FROM integrations_breaker WHERE state = '{BreakerState.OPEN}' GROUP BY 1"""

# `sync_window_once`, for the few fetches that are not over.
WINDOWS = """
SELECT period.state, count(*) FROM integrations_syncjob job
JOIN integrations_syncwindow period ON period.job_id = job.id
WHERE job.state = ANY(%(jobs)s) GROUP BY 1"""

# `schedule_run_latest`, one probe for each.
SCHEDULES = """
SELECT wanted.name, last.began_at FROM unnest(%(names)s::text[]) AS wanted(name)
CROSS JOIN LATERAL (SELECT began_at FROM integrations_schedulerun run
  WHERE run.name = wanted.name ORDER BY began_at DESC LIMIT 1) last"""
