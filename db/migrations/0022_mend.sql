-- What all API processes of a database share, and no more is known by whoever knows where it is.
CREATE TABLE orchestrator.form_secrets (
    secret text NOT NULL,
    is_only boolean PRIMARY KEY DEFAULT true,
    CONSTRAINT form_secrets_is_one_row CHECK (is_only)
);
COMMENT ON TABLE orchestrator.form_secrets IS 'One row: what the page''s forms are signed with; private to the routines.';
INSERT INTO orchestrator.form_secrets (secret) VALUES (replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''));

COMMENT ON COLUMN orchestrator.deployment_revisions.client IS 'Where it was asked for: address (none on a local socket) and application_name of the session; over HTTP the address of who asked the API.';
-- It takes the address of who asks, too; its file makes it anew.
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS orchestrator.enter(text, text);
