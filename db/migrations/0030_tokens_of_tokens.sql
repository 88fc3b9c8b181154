-- A token that was made with a token must not outlive it: by a chain of them one that was lost would never end.
-- Tokens are few, so all of this is quick; nobody waits for long.
ALTER TABLE orchestrator.api_tokens ADD COLUMN parent_id bigint;
COMMENT ON COLUMN orchestrator.api_tokens.parent_id IS 'The token that made it, and with which it ends; NULL where a person did.';
-- squawk-ignore adding-foreign-key-constraint, constraint-missing-not-valid
ALTER TABLE orchestrator.api_tokens ADD CONSTRAINT api_tokens_parent_exists FOREIGN KEY (parent_id) REFERENCES orchestrator.api_tokens (id);
-- Not concurrently: a migration is one transaction.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX api_tokens_by_parent ON orchestrator.api_tokens (parent_id) WHERE parent_id IS NOT NULL;
