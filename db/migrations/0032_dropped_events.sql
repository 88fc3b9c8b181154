-- Up to where retention has dropped events: whoever reads on from before that has missed some, and must be told.
CREATE TABLE orchestrator.dropped_events (
    only_one boolean PRIMARY KEY DEFAULT true,
    xid xid8 NOT NULL,
    id bigint NOT NULL,
    CONSTRAINT dropped_events_has_one_row CHECK (only_one)
);
COMMENT ON TABLE orchestrator.dropped_events IS 'The place of the last event that retention dropped; private to the routines.';
