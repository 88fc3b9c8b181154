-- A newer generation is what a person asked for: it does not wait for a fight over an older one.
ALTER TABLE orchestrator.put_backs ADD COLUMN generation bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN orchestrator.put_backs.generation IS 'The intent that put it back last; a newer one does not wait.';

-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS orchestrator.record_put_backs(uuid, jsonb);
