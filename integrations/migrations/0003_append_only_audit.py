"""An entry of the audit trail is written once; not even the console's own code can change it."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION integrations_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'integrations_auditentry is append-only: % is refused', TG_OP
    USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON integrations_auditentry
  FOR EACH ROW EXECUTE FUNCTION integrations_audit_is_append_only();
"""
BACKWARD = """
DROP TRIGGER append_only ON integrations_auditentry;
DROP FUNCTION integrations_audit_is_append_only();
"""


class Migration(migrations.Migration):
    """Let PostgreSQL refuse updates and deletes."""

    dependencies = [("integrations", "0002_connections")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
