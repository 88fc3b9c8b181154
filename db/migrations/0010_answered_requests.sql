-- What was answered to requests that must not be carried out twice, by the key their sender chose.

CREATE TABLE orchestrator.answered_requests (
    actor text NOT NULL,
    key text NOT NULL,
    request_hash text NOT NULL,
    status integer,
    headers jsonb,
    body text,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (actor, key)
);
CREATE INDEX answered_requests_by_age ON orchestrator.answered_requests (created_at);
COMMENT ON TABLE orchestrator.answered_requests IS 'Answers by Idempotency-Key, kept for a day; private to begin_request and end_request.';
COMMENT ON COLUMN orchestrator.answered_requests.actor IS 'Whose key it is.';
COMMENT ON COLUMN orchestrator.answered_requests.key IS 'As the sender chose it.';
COMMENT ON COLUMN orchestrator.answered_requests.request_hash IS 'Tells a repeat from another request under the same key.';
COMMENT ON COLUMN orchestrator.answered_requests.status IS 'What was answered; NULL only inside the transaction that answers.';
COMMENT ON COLUMN orchestrator.answered_requests.headers IS 'That went with the answer.';
COMMENT ON COLUMN orchestrator.answered_requests.body IS 'The answer, byte for byte.';
COMMENT ON COLUMN orchestrator.answered_requests.created_at IS 'A day later the key is free again.';
