"""PostgreSQL counts dead letters itself, by cause, store and state, and failures by day.

In the transaction that changes them and whoever changes them, so a figure can never drift from
what it counts. Rows are changed in one order, so that two batches never wait for each other.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION integrations_count_dead_letters() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO integrations_causecount AS known (cause_id, store_id, state, records)
    SELECT cause_id, store_id, state, count(*) FROM added GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (cause_id, store_id, state)
    DO UPDATE SET records = known.records + excluded.records;

    INSERT INTO integrations_causeday AS known (cause_id, store_id, day, failed)
    SELECT cause_id, store_id, (failed_at AT TIME ZONE 'UTC')::date, count(*)
    FROM added GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (cause_id, store_id, day) DO UPDATE SET failed = known.failed + excluded.failed;
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO integrations_causecount AS known (cause_id, store_id, state, records)
    SELECT cause_id, store_id, state, sum(one) FROM (
      SELECT cause_id, store_id, state, 1 AS one FROM added
      UNION ALL SELECT cause_id, store_id, state, -1 FROM removed) moved
    GROUP BY 1, 2, 3 HAVING sum(one) <> 0 ORDER BY 1, 2, 3
    ON CONFLICT (cause_id, store_id, state)
    DO UPDATE SET records = known.records + excluded.records;

    INSERT INTO integrations_causeday AS known (cause_id, store_id, day, failed)
    SELECT added.cause_id, added.store_id, (added.failed_at AT TIME ZONE 'UTC')::date, count(*)
    FROM added JOIN removed USING (id) WHERE added.times > removed.times
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (cause_id, store_id, day) DO UPDATE SET failed = known.failed + excluded.failed;
  ELSE
    UPDATE integrations_causecount known SET records = known.records - gone.records
    FROM (SELECT cause_id, store_id, state, count(*) AS records FROM removed GROUP BY 1, 2, 3) gone
    WHERE known.cause_id = gone.cause_id AND known.store_id = gone.store_id
      AND known.state = gone.state;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER count_added AFTER INSERT ON integrations_deadletter
  REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION integrations_count_dead_letters();
CREATE TRIGGER count_changed AFTER UPDATE ON integrations_deadletter
  REFERENCING OLD TABLE AS removed NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION integrations_count_dead_letters();
CREATE TRIGGER count_removed AFTER DELETE ON integrations_deadletter
  REFERENCING OLD TABLE AS removed
  FOR EACH STATEMENT EXECUTE FUNCTION integrations_count_dead_letters();

ALTER TABLE integrations_deadletter DISABLE TRIGGER count_changed;
UPDATE integrations_deadletter SET failed_at = created_at;
ALTER TABLE integrations_deadletter ENABLE TRIGGER count_changed;
INSERT INTO integrations_causecount (cause_id, store_id, state, records)
  SELECT cause_id, store_id, state, count(*) FROM integrations_deadletter GROUP BY 1, 2, 3;
INSERT INTO integrations_causeday (cause_id, store_id, day, failed)
  SELECT cause_id, store_id, (failed_at AT TIME ZONE 'UTC')::date, count(*)
  FROM integrations_deadletter GROUP BY 1, 2, 3;
"""
BACKWARD = """
DROP TRIGGER count_added ON integrations_deadletter;
DROP TRIGGER count_changed ON integrations_deadletter;
DROP TRIGGER count_removed ON integrations_deadletter;
DROP FUNCTION integrations_count_dead_letters();
TRUNCATE integrations_causecount, integrations_causeday;
"""


class Migration(migrations.Migration):
    """Let PostgreSQL keep the counts."""

    dependencies = [("integrations", "0015_dead_letters")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
