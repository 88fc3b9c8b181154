-- Every queue under one name. pgmq gives each queue a table of its own, and a statement that names a table by a variable is parsed and
-- planned at each call: an eighth of all that a claim and its settlement cost. As partitions of one table they are found by a
-- value instead, in statements that are planned once.

CREATE TABLE orchestrator.messages (
    msg_id bigint NOT NULL,
    read_ct integer NOT NULL DEFAULT 0,
    enqueued_at timestamptz NOT NULL DEFAULT now(),
    last_read_at timestamptz,
    vt timestamptz NOT NULL,
    message jsonb,
    headers jsonb,
    queue text NOT NULL
) PARTITION BY LIST (queue);
COMMENT ON TABLE orchestrator.messages IS 'The messages of all queues: pgmq''s own tables, each a partition. orchestrator.attach_queue makes it one.';
COMMENT ON COLUMN orchestrator.messages.msg_id IS 'Unique within its queue.';
COMMENT ON COLUMN orchestrator.messages.read_ct IS 'How often it was claimed: the fencing token of a lease.';
COMMENT ON COLUMN orchestrator.messages.enqueued_at IS 'When it was sent.';
COMMENT ON COLUMN orchestrator.messages.last_read_at IS 'When it was last claimed.';
COMMENT ON COLUMN orchestrator.messages.vt IS 'From when on it may be claimed: the end of its lease.';
COMMENT ON COLUMN orchestrator.messages.message IS 'Which deployment: {"id": uuid}.';
COMMENT ON COLUMN orchestrator.messages.headers IS 'pgmq''s; unused.';
COMMENT ON COLUMN orchestrator.messages.queue IS 'The queue, as orchestrator.queue_name names it.';
