-- Whether a cluster is away was told by whoever spoke last, so that one worker which is cut off and one which is well told it in turns.
ALTER TABLE orchestrator.processes ADD COLUMN reached_at timestamptz;
COMMENT ON COLUMN orchestrator.processes.reached_at IS 'When it last said that it reaches its cluster; NULL while it does not, and of a watcher.';
